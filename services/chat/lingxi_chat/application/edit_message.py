"""EditMessage: say the newest message of the user in other words."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from lingxi_chat.application.parts import SessionLog
from lingxi_chat.application.start_turn import start_turn
from lingxi_chat.application.turn_workers import TurnWorkers
from lingxi_chat.domain import turns
from lingxi_chat.domain.safety import Rules
from lingxi_chat.domain.session import Session, SessionEvent
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
        critical = self.rules.flag(command.text)

        def decide(session: Session, turn_id: UUID) -> Sequence[SessionEvent]:
            return turns.edit(
                session,
                command.message_id,
                new_message_id=command.new_message_id,
                text=command.text,
                request_hash=EDITED,
                turn_id=turn_id,
                critical=critical,
            )

        try:
            return await start_turn(command, self.log, self.workers, decide)
        except NotNewestMessage:
            ids = (command.message_id, command.new_message_id)
            there = await messages_there(self.log.pool, command.user_id, command.session_id, ids)
            if command.message_id not in there:
                raise MessageNotFound from None
            if command.new_message_id in there:
                return TurnQueued(turn_id=command.turn_id)  # a repeat, after other turns
            raise
