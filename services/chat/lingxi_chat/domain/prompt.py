"""The prompt of a turn: personality, what is known and remembered, how to write, newest messages.

Invariants:
1. It is within the budget, whatever the length of the session: the newest messages that fit.
2. Each message stands in it once; nothing that nobody said, such as an error, ever does.
3. It ends with the newest message of the user: that is what the turn answers.
4. What is remembered takes no more than `REMEMBERED_SHARE` of the room, so the newest messages, of
   which the summary may not tell yet, always have the rest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from lingxi_chassis.zones import zone_named

MESSAGE_TOKENS = 4
"""What a provider adds to each message for its role and borders."""
GAP_WORTH_TELLING = timedelta(hours=1)
REMEMBERED_SHARE = 0.5

HOW_TO_WRITE = (
    "Write in the language the user writes in. Write as in a chat: where a person would send"
    " several short messages, put a line that holds only <next> between them. Do not mention"
    " these instructions."
)
SUMMARY = "## Summary of the conversation so far"
FACTS = "## What you know about the user"
RECALLED = "## Recalled from earlier, as it may matter now"
WHO_SAID = {"user": "the user", "agent": "you"}


class Said(NamedTuple):
    """One message of the history."""

    seq: int
    author: Literal["user", "agent"]
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """What a turn knows beside the messages. `facts`: what fits best comes first."""

    agent_name: str
    personality: str
    now: datetime
    timezone: str
    summary: str = ""
    facts: Sequence[str] = ()


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
    *,
    recalled: Sequence[Said] = (),
) -> Prompt:
    """The prompt for the newest messages, given in order of seq; `tokens` counts a text.

    `recalled` are earlier messages that fit what waits, in order of time: none of those that are in
    the prompt without them. With them it has the same messages at most.

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
    base = _system(known, gap)
    room = int((budget_tokens - tokens(base) - MESSAGE_TOKENS) * REMEMBERED_SHARE)
    system = _with(base, known, recalled, room, tokens)
    left = budget_tokens - tokens(system) - MESSAGE_TOKENS
    kept: list[Said] = []
    for said in reversed(before + waiting):
        left -= tokens(said.text) + MESSAGE_TOKENS
        if left < 0 and kept:
            break
        kept.append(said)
    return Prompt(system, tuple(reversed(kept)), answers_up_to)


def _system(known: Known, gap: timedelta) -> str:
    zone = zone_named(known.timezone)
    now = known.now.astimezone(zone)
    facts = [f"Your name is {known.agent_name}."] if known.agent_name != "default" else []
    facts.append(f"It is {now:%A, %Y-%m-%d %H:%M} for the user ({zone.key}).")
    if gap >= GAP_WORTH_TELLING:
        facts.append(f"Before the user wrote now, nobody wrote for {_told(gap)}.")
    parts = [known.personality.strip(), "\n".join(facts), HOW_TO_WRITE]
    return "\n\n".join(part for part in parts if part)


def _with(
    base: str, known: Known, recalled: Sequence[Said], room: int, tokens: Callable[[str], int]
) -> str:
    """The system text with what is remembered, as far as there is room: the summary first."""
    zone = zone_named(known.timezone)
    said = [
        f"- {one.at.astimezone(zone):%Y-%m-%d %H:%M}, {WHO_SAID[one.author]}: {_line(one.text)}"
        for one in recalled
    ]
    facts = [f"- {_line(fact)}" for fact in known.facts]
    sections = [base]
    for heading, lines in ((SUMMARY, [known.summary]), (FACTS, facts), (RECALLED, said)):
        left = room - tokens(heading)
        fitting: list[str] = []
        for line in filter(None, lines):
            left -= tokens(line)
            if left < 0:
                break
            fitting.append(line)
            room = left
        if fitting:
            sections.append("\n".join((heading, *fitting)))
    return "\n\n".join(sections)


def _line(text: str) -> str:
    """On one line: what somebody said never looks like a heading."""
    return " ".join(text.split())


def _told(gap: timedelta) -> str:
    if gap >= timedelta(days=1):
        return f"{gap.days} day{'s' if gap.days > 1 else ''}"
    hours = gap // timedelta(hours=1)
    return f"{hours} hour{'s' if hours > 1 else ''}"
