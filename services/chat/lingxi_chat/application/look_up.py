"""What a turn speaks from: the newest messages, and the agent's profile.

The messages are read by the append that starts the turn, or else once it is claimed. What the
append reads lacks nothing but the message that is posted: it was decided on a version that could be
read before, and is no append if anything came in between.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from lingxi_chassis.eventlog import Clause
from lingxi_chassis.postgres import Pool, Row
from lingxi_chassis.tasks import ahead
from lingxi_chat.application.parts import Profiles
from lingxi_chat.domain.bubbles import BUBBLES_MAX
from lingxi_chat.domain.conversation import PENDING_MAX
from lingxi_chat.domain.prompt import Said
from lingxi_chat.domain.session import Session
from lingxi_chat.projections.prompt_material import (
    Newest,
    asking_newest,
    newest_from,
    newest_messages,
)
from lingxi_contracts.agent import AgentProfile
from lingxi_contracts.errors import SessionNotFound

MESSAGES_MAX = PENDING_MAX + BUBBLES_MAX
"""All that wait, and the turn that was answered meanwhile: more than comes before a summary covers
it, unless its writer is away for long."""
VERBATIM_MESSAGES = 40
"""So many are in a prompt word by word if they fit, though the summary tells of them too."""


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What there is to speak from."""

    profile: AgentProfile
    newest: Newest


@dataclass(frozen=True, slots=True)
class Beginning:
    """For the turn that a message starts: `reading` is to be of the append that starts it."""

    reading: Clause
    _posted: Said
    _profile: asyncio.Task[AgentProfile]

    async def found(self, rows: Sequence[Row]) -> LookedUp:
        """With what was read.

        Raises:
            AgentNotFound: deleted.
            Unavailable: agent is away.
        """
        newest = newest_from(rows)
        messages = [*newest.messages, self._posted]
        return LookedUp(await self._profile, replace(newest, messages=messages))


@dataclass(frozen=True, slots=True)
class LookUp:
    """The use case with what it needs."""

    pool: Pool
    profiles: Profiles

    def beginning(
        self, user_id: UUID, session_id: UUID, session: Session, posted: Said
    ) -> Beginning:
        """For the turn that a message starts, which is not recorded yet in `session`. The profile
        is asked for at once."""
        wanted = messages_wanted(session, posted.seq)
        asked = asking_newest(
            session_id,
            user_id,
            session.agent_id,
            limit=wanted - 1,  # the posted message is one of them
            asks_elsewhere=_may_be_whole(session, posted.seq, wanted),
        )
        profile = ahead(self.profiles.profile(user_id, session.agent_id, posted.text))
        return Beginning(asked, posted, profile)

    async def __call__(self, user_id: UUID, session_id: UUID, session: Session) -> LookedUp:
        """For a turn that is claimed.

        Raises:
            SessionNotFound, AgentNotFound: deleted.
            Unavailable: agent or the database is away.
        """
        wanted = messages_wanted(session, session.last_seq)
        asked = asking_newest(
            session_id,
            user_id,
            session.agent_id,
            limit=wanted,
            without_turn=session.turn.regenerates if session.turn else None,
            asks_elsewhere=_may_be_whole(session, session.last_seq, wanted),
        )
        newest = await newest_messages(self.pool, asked)
        if not newest.messages:
            raise SessionNotFound
        said = [one.text for one in newest.messages if one.author == "user"]
        about = said[-1] if said else ""
        profile = await self.profiles.profile(user_id, session.agent_id, about)
        return LookedUp(profile, newest)


def _may_be_whole(session: Session, newest_seq: int, wanted: int) -> bool:
    """Whether so many messages may be all of a session: then only other sessions can hold what is
    to be recalled."""
    left_out = session.superseded_count + BUBBLES_MAX  # of an answer that is made anew
    return newest_seq <= wanted + left_out


def messages_wanted(session: Session, newest_seq: int) -> int:
    """How many of the newest messages a prompt is made of, up to a seq: what waits, what no summary
    tells of yet, and as much of the rest as is worth its tokens."""
    first_waiting = min((one.seq for one in session.waiting), default=newest_seq)
    told_up_to = min(session.marks.covers_up_to, first_waiting - 1)
    return min(MESSAGES_MAX, max(VERBATIM_MESSAGES, newest_seq - told_up_to))
