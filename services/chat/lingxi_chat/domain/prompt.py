"""The prompt of a turn: personality, what is known, how to write, and the newest messages.

Invariants:
1. It is within the budget, whatever the length of the session: the newest messages that fit.
2. Each message stands in it once; nothing that nobody said, such as an error, ever does.
3. It ends with the newest message of the user: that is what the turn answers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

MESSAGE_TOKENS = 4
"""What a provider adds to each message for its role and borders."""
GAP_WORTH_TELLING = timedelta(hours=1)

HOW_TO_WRITE = (
    "Write in the language the user writes in. Write as in a chat: where a person would send"
    " several short messages, put a line that holds only <next> between them. Do not mention"
    " these instructions."
)


class Said(NamedTuple):
    """One message of the history."""

    seq: int
    author: Literal["user", "agent"]
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """What a turn knows beside the messages."""

    agent_name: str
    personality: str
    now: datetime
    timezone: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A system text and the messages after it. `answers_up_to`: the newest user message's seq."""

    system: str
    messages: tuple[Said, ...]
    answers_up_to: int


def build_prompt(
    known: Known,
    newest: Sequence[Said],
    waiting_from: int,
    budget_tokens: int,
    tokens: Callable[[str], int],
) -> Prompt:
    """The prompt for the newest messages, given in order of seq; `tokens` counts a text.

    The messages that wait for this answer, the user's from `waiting_from` on, come last, also those
    that were posted before an earlier answer was sent. The newest is in it even if it alone is over
    the budget: the provider then says so.
    """
    before: list[Said] = []
    waiting: list[Said] = []
    for said in newest:
        waits = said.seq >= waiting_from and said.author == "user"
        (waiting if waits else before).append(said)
    answers_up_to = max((said.seq for said in newest if said.author == "user"), default=0)
    first_waiting = newest.index(waiting[0]) if waiting else 0
    gap = newest[first_waiting].at - newest[first_waiting - 1].at if first_waiting else timedelta()
    system = _system(known, gap)
    left = budget_tokens - tokens(system) - MESSAGE_TOKENS
    kept: list[Said] = []
    for said in reversed(before + waiting):
        left -= tokens(said.text) + MESSAGE_TOKENS
        if left < 0 and kept:
            break
        kept.append(said)
    return Prompt(system, tuple(reversed(kept)), answers_up_to)


def _system(known: Known, gap: timedelta) -> str:
    zone = _zone(known.timezone)
    now = known.now.astimezone(zone)
    facts = [f"Your name is {known.agent_name}."] if known.agent_name != "default" else []
    facts.append(f"It is {now:%A, %Y-%m-%d %H:%M} for the user ({zone.key}).")
    if gap >= GAP_WORTH_TELLING:
        facts.append(f"Before the user wrote now, nobody wrote for {_told(gap)}.")
    parts = [known.personality.strip(), "\n".join(facts), HOW_TO_WRITE]
    return "\n\n".join(part for part in parts if part)


def _zone(name: str) -> ZoneInfo:
    """A zone that this machine does not know must not keep anybody from an answer."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def _told(gap: timedelta) -> str:
    if gap >= timedelta(days=1):
        return f"{gap.days} day{'s' if gap.days > 1 else ''}"
    hours = gap // timedelta(hours=1)
    return f"{hours} hour{'s' if hours > 1 else ''}"
