"""What scheduler knows of one session, and when it is due to be looked at.

Invariants:
1. Each fact is the greatest of its kind that was heard: facts that come in another order, twice, or
   again from the start lead to the same watch.
2. A session that ended stays ended.
3. `due_at` follows from the facts, from what was decided, and from the agent's manners alone.
4. One silence is decided once: only a message opens a session that was decided up to its newest.
   What waits for something else is opened by anything new that is heard.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from lingxi_chassis.records import changed
from lingxi_scheduler.domain.manners import Manners

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Watch:
    """One session. `turn_sequence` is the stream version of the newest news about turns, `heard_at`
    the time of the newest of all.

    `decided_seq`: the newest message of the last silence that was decided for good. Before
    `not_before`, and while it `awaits_event`, the session is not looked at again. `tries` counts
    looks of this silence that failed. `sending` is a decision on its way.
    """

    session_id: UUID
    user_id: UUID
    agent_id: UUID | None = None
    last_user_seq: int = 0
    last_user_at: datetime | None = None
    last_agent_seq: int = 0
    last_agent_at: datetime | None = None
    read_up_to: int = 0
    proactive_seqs: tuple[int, ...] = ()
    flagged_seq: int = 0
    turn_sequence: int = 0
    turn_open: bool = False
    heard_at: datetime | None = None
    ended: bool = False
    decided_seq: int = 0
    not_before: datetime | None = None
    awaits_event: bool = False
    tries: int = 0
    sending: UUID | None = None

    @property
    def newest_seq(self) -> int:
        """The session's newest message that was heard of."""
        return max(self.last_user_seq, self.last_agent_seq)

    @property
    def unanswered(self) -> int:
        """Messages that the agent wrote first since the user's last."""
        return len(self.proactive_seqs)

    @property
    def unread(self) -> bool:
        """The agent said something that the user has not seen."""
        return self.last_agent_seq > self.read_up_to

    @property
    def flagged(self) -> bool:
        """The user's newest message needs care: not the moment for talk."""
        return 0 < self.last_user_seq == self.flagged_seq


def due_at(watch: Watch, manners: Manners, time_scale: float = 1) -> datetime | None:
    """When to look at a session whether its agent should write; None: not before an event.

    `time_scale` divides the silence that is waited for.
    """
    newest = [at for at in (watch.last_user_at, watch.last_agent_at) if at is not None]
    waits = watch.unread or watch.turn_open or watch.awaits_event
    if watch.ended or waits or not newest or watch.decided_seq >= watch.newest_seq:
        return None
    due = max(newest) + manners.silence_before(watch.unanswered) / time_scale
    return due if watch.not_before is None else max(due, watch.not_before)


def decided(watch: Watch) -> Watch:
    """Its silence is decided for good."""
    return changed(watch, decided_seq=watch.newest_seq, not_before=None, tries=0)


# What is heard: the watch afterwards, the very same one if it was nothing new


def started(watch: Watch, at: datetime, agent_id: UUID) -> Watch:
    """The session is with this agent, for as long as it lasts."""
    return _heard(watch, at, changed(watch, agent_id=watch.agent_id or agent_id))


def posted(watch: Watch, at: datetime, seq: int) -> Watch:
    """The user said something."""
    if seq <= watch.last_user_seq:
        return _heard(watch, at, watch)
    open_still = tuple(one for one in watch.proactive_seqs if one > seq)
    newest = changed(watch, last_user_seq=seq, last_user_at=at, proactive_seqs=open_still)
    return _heard(watch, at, newest)


def sent(watch: Watch, at: datetime, seq: int, *, proactive: bool) -> Watch:
    """The agent said something."""
    heard = watch
    if seq > watch.last_agent_seq:
        heard = changed(heard, last_agent_seq=seq, last_agent_at=at)
    if proactive and seq > watch.last_user_seq:
        heard = changed(heard, proactive_seqs=tuple(sorted({*watch.proactive_seqs, seq})))
    return _heard(watch, at, heard)


def read(watch: Watch, at: datetime, up_to_seq: int) -> Watch:
    """The user has seen what the agent said up to a message."""
    return _heard(watch, at, changed(watch, read_up_to=max(watch.read_up_to, up_to_seq)))


def turned(watch: Watch, at: datetime, sequence: int, *, open_now: bool) -> Watch:
    """A turn began or ended, as told by this version of the session's stream."""
    if sequence <= watch.turn_sequence:
        return _heard(watch, at, watch)
    return _heard(watch, at, changed(watch, turn_sequence=sequence, turn_open=open_now))


def flagged(watch: Watch, at: datetime, seq: int) -> Watch:
    """A message of the user's needs care."""
    return _heard(watch, at, changed(watch, flagged_seq=max(watch.flagged_seq, seq)))


def ended(watch: Watch) -> Watch:
    """The session is gone for good: nothing but its ids is kept."""
    return watch if watch.ended else Watch(watch.session_id, watch.user_id, ended=True)


def reopened(watch: Watch) -> Watch:
    """Something else that it may have waited for has changed: manners, or the time zone."""
    return changed(watch, not_before=None, awaits_event=False)


def _heard(before: Watch, at: datetime, after: Watch) -> Watch:
    if before.ended:
        return before
    after = changed(after, heard_at=at if before.heard_at is None else max(before.heard_at, at))
    if after == before:
        return before
    tries = before.tries if after.newest_seq == before.newest_seq else 0
    return changed(reopened(after), tries=tries)
