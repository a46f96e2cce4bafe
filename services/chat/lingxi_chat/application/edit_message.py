"""EditMessage: say the newest message of the user in other words."""

from dataclasses import dataclass

from lingxi_chassis.clock import utc_now
from lingxi_chassis.eventlog import again_on_conflict
from lingxi_chat.application.parts import SessionLog, load
from lingxi_chat.application.turn_workers import TurnWorkers
from lingxi_chat.domain import turns
from lingxi_chat.domain.safety import Rules
from lingxi_chat.projections.messages import messages_there
from lingxi_contracts.chat import EditMessage, TurnQueued
from lingxi_contracts.errors import MessageNotFound, NotNewestMessage

EDITED = "edited"
"""In the place of a request's hash: no post is a repeat of an edit."""


@dataclass(frozen=True, slots=True)
class EditMessages:
    """The use case with what it needs."""

    log: SessionLog
    workers: TurnWorkers
    rules: Rules

    async def __call__(self, command: EditMessage) -> TurnQueued:
        """Replace the message and its answer, and start a turn. A repeat changes nothing.

        Raises:
            SessionNotFound, MessageNotFound: unknown, deleted or another user's.
            TurnOpen, NotNewestMessage: it cannot be edited, now or any more.
        """
        return await again_on_conflict(lambda: self._attempt(command))

    async def _attempt(self, command: EditMessage) -> TurnQueued:
        snapshot = await load(self.log, command.session_id, command.user_id)
        queued = TurnQueued(turn_id=command.turn_id)
        try:
            events = turns.edit(
                snapshot.state,
                command.message_id,
                new_message_id=command.new_message_id,
                text=command.text,
                request_hash=EDITED,
                turn_id=command.turn_id,
                critical=self.rules.flag(command.text),
            )
        except NotNewestMessage:
            ids = (command.message_id, command.new_message_id)
            there = await messages_there(self.log.pool, command.user_id, command.session_id, ids)
            if command.message_id not in there:
                raise MessageNotFound from None
            if command.new_message_id in there:
                return queued  # a repeat, after other turns
            raise
        if events:
            async with self.workers.starting(
                command.turn_id, command.session_id, command.user_id
            ) as starting:
                starting.begun = await self.log.append(
                    snapshot, events, utc_now(), effects=(starting.work,)
                )
        return queued
