"""PostMessage: say something to an agent.

One statement finds out whether this is a repeat (none, if this replica knows the session), one
records the message, the turn that will answer it and that turn's work row. If this replica has a
free slot the turn is claimed in the same append, which also reads what it speaks from: nothing
stands between the commit and the model.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from lingxi_chassis.clock import utc_now
from lingxi_chassis.eventlog import Clause, Conflict, GuardLost, again_on_conflict
from lingxi_chassis.ids import new_id
from lingxi_chat.application.get_answer import recorded_state
from lingxi_chat.application.look_up import LookUp
from lingxi_chat.application.parts import Profiles, SessionLog, SessionSnapshot, load
from lingxi_chat.application.turn_workers import TurnWorkers
from lingxi_chat.domain import conversation
from lingxi_chat.domain.prompt import Said
from lingxi_chat.domain.safety import Rules
from lingxi_chat.domain.session import SessionEvent, evolve
from lingxi_chat.projections.messages import find_repeat
from lingxi_chat.projections.neighbours import living
from lingxi_chat.projections.open_turns import locking, settling
from lingxi_contracts.chat import Critical, MessagePosted, PostedMessage, PostMessage
from lingxi_contracts.errors import (
    AgentMismatch,
    AgentNotFound,
    IdempotencyKeyReused,
    SessionNotFound,
)


@dataclass(frozen=True, slots=True)
class PostMessages:
    """The use case with what it needs."""

    log: SessionLog
    profiles: Profiles
    look_up: LookUp
    workers: TurnWorkers
    rules: Rules

    async def __call__(self, command: PostMessage) -> PostedMessage:
        """Record the message, or answer what is recorded of it.

        Raises:
            SessionNotFound, AgentNotFound: unknown, deleted or another user's.
            AgentMismatch: the session is another agent's.
            IdempotencyKeyReused: the message id was used for another request.
            TooManyPending: too many messages wait for one answer.
        """
        return await again_on_conflict(lambda: self._attempt(command))

    async def _attempt(self, command: PostMessage) -> PostedMessage:
        known = self.log.recent.get(command.session_id, command.user_id)
        if known is not None and known.state.turn is None:
            # A repeat, or a session that has moved on, ends in a conflict; then we look.
            with suppress(Conflict):
                return await self._continue(command, known)
        found = await find_repeat(
            self.log.pool, command.user_id, command.session_id, command.message_id
        )
        if found.request_hash is not None:
            if found.request_hash != command.request_hash or found.repeat_session is None:
                raise IdempotencyKeyReused
            snapshot = await load(self.log, found.repeat_session, command.user_id)
            return await recorded_state(self.log.pool, snapshot, command.message_id)
        if found.version:
            if found.state is None:
                raise SessionNotFound
            snapshot = self.log.snapshot(
                command.session_id, command.user_id, found.version, found.state
            )
            return await self._continue(command, snapshot)
        if not command.create_session:
            raise SessionNotFound
        profile = await self.profiles.profile(command.user_id, command.agent_id)
        snapshot = self.log.new(command.session_id, command.user_id)
        started = conversation.start(snapshot.state, profile.agent_id, profile.name)
        return await self._append(command, snapshot, tuple(started), living(profile.agent_id))

    async def _continue(self, command: PostMessage, snapshot: SessionSnapshot) -> PostedMessage:
        if command.agent_id not in (None, snapshot.state.agent_id):
            raise AgentMismatch
        return await self._append(command, snapshot, ())

    async def _append(
        self,
        command: PostMessage,
        snapshot: SessionSnapshot,
        first: tuple[SessionEvent, ...],
        guard: Clause | None = None,
    ) -> PostedMessage:
        at = utc_now()
        state = snapshot.state
        for event in first:
            state = evolve(state, event, at)
        turn_id = new_id()
        critical = self.rules.flag(command.text)
        posted = conversation.post(
            state,
            command.message_id,
            command.text,
            command.request_hash,
            mark_read=command.mark_read,
            turn_id=turn_id,
            critical=critical,
        )
        if state.open_turn is not None:
            await self._add(snapshot, posted)
            return _pending(command, state.open_turn, critical)
        async with self.workers.starting(
            turn_id, command.session_id, command.user_id, settles=True
        ) as starting:
            beginning = None
            if starting.here:
                (message,) = (one for one in posted if isinstance(one, MessagePosted))
                said = Said(message.seq, "user", message.text, at)
                beginning = self.look_up.beginning(command.user_id, command.session_id, state, said)
            try:
                starting.begun, was = await self.log.append_and_read(
                    snapshot,
                    (*first, *posted),
                    at,
                    beginning and beginning.reading,
                    guard=guard,
                    effects=(starting.work,),
                )
            except GuardLost:
                raise AgentNotFound from None
            if beginning is not None:
                starting.looking = partial(beginning.found, was)
        return _pending(command, turn_id, critical)

    async def _add(self, snapshot: SessionSnapshot, posted: Sequence[SessionEvent]) -> None:
        """To what the open turn is about, or the next one; it may have to settle first."""
        settle_seconds = self.workers.settle_seconds
        if not settle_seconds:
            await self.log.append(snapshot, posted, utc_now())
            return
        await self.log.append(
            snapshot,
            posted,
            utc_now(),
            guard=locking(snapshot.stream_id),
            effects=(settling(settle_seconds),),
        )
        self.workers.look_once_settled()


def _pending(command: PostMessage, turn_id: UUID, critical: Critical | None) -> PostedMessage:
    return PostedMessage(
        session_id=command.session_id,
        message_id=command.message_id,
        turn_id=turn_id,
        status="pending",
        critical=critical,
    )
