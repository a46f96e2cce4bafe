"""What the model is asked before an agent writes first, and what it may answer.

The conversation stands in one message of the user's role, a line a message: every provider takes
that, also where the agent spoke last. No text of anybody's looks like another's message.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import StringConstraints

from lingxi_contracts.agent import AgentProfile
from lingxi_contracts.base import Frozen, Text
from lingxi_contracts.chat import MessageView, ProactiveWork
from lingxi_contracts.scheduler import PROACTIVE_CHARS_MAX, REASON_CHARS_MAX

ANSWER_TOKENS_MAX = 1_000
LINE_TOKENS = 8
"""What a line may cost beside its text."""
LINE_CHARS_MAX = 2_000

TASK = (
    "Nobody has written for a while. Decide whether you write to the user now, of your own accord,"
    " as a considerate friend would. `continue`: take up what you talked about. `new_topic`: begin"
    " with something else that suits the user. `wait`: now is not the moment, for example after a"
    " goodbye. Unless you wait, `text` is your message, in the language the user writes in, in your"
    " own voice, short, without quotation marks around it and not a repetition of what was said;"
    " else it is empty. `reason` tells the user in one sentence, in their language, why you wrote"
    " or waited."
)

SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {
        "decision": {"type": "string", "enum": ["continue", "new_topic", "wait"]},
        "text": {"type": "string", "maxLength": PROACTIVE_CHARS_MAX},
        "reason": {"type": "string", "maxLength": REASON_CHARS_MAX},
    },
    "required": ["decision", "text", "reason"],
    "additionalProperties": False,
}


class Answer(Frozen):
    """What a model may answer; anything else is no answer. `text` counts unless it waits."""

    decision: Literal["continue", "new_topic", "wait"]
    text: Annotated[Text, StringConstraints(strip_whitespace=True, max_length=PROACTIVE_CHARS_MAX)]
    reason: Annotated[
        Text, StringConstraints(strip_whitespace=True, min_length=1, max_length=REASON_CHARS_MAX)
    ]


@dataclass(frozen=True, slots=True)
class Question:
    """What the model is asked: who it is and what is known, then the newest messages."""

    task: str
    transcript: str


def question(
    profile: AgentProfile,
    work: ProactiveWork,
    *,
    now: datetime,
    zone: ZoneInfo,
    budget_tokens: int,
    tokens: Callable[[str], int],
) -> Question:
    """The question about a session, within a budget as far as messages can be left out.

    `tokens` counts a text. The newest message is in it in any case.
    """
    task = _task(profile, work, now, zone)
    left = budget_tokens - tokens(task) - ANSWER_TOKENS_MAX
    lines: list[str] = []
    for message in reversed(work.messages):
        line = _line(message)
        left -= tokens(line) + LINE_TOKENS
        if left < 0 and lines:
            break
        lines.append(line)
    return Question(task, "\n".join(reversed(lines)))


def about(messages: Sequence[MessageView], chars_max: int) -> str:
    """What is talked about: the user's newest message."""
    said = (message.text for message in reversed(messages) if message.author == "user")
    return next(said, "")[:chars_max]


def _task(profile: AgentProfile, work: ProactiveWork, now: datetime, zone: ZoneInfo) -> str:
    shown = now.astimezone(zone)
    known = [f"It is {shown:%A, %Y-%m-%d %H:%M} for the user ({zone.key})."]
    if work.messages:
        known.append(f"The last message is {_told(now - work.messages[-1].sent_at)} old.")
    parts = [profile.personality_prompt.strip(), " ".join(known)]
    if profile.memories:
        memories = "\n".join(f"- {memory}" for memory in profile.memories)
        parts.append(f"What you know about the user:\n{memories}")
    if work.summary:
        parts.append(f"Summary of the conversation so far:\n{work.summary}")
    parts.append(f"Your task now:\n{TASK}")
    return "\n\n".join(part for part in parts if part)


def _line(message: MessageView) -> str:
    who = "user" if message.author == "user" else "companion"
    return f"{who}: {' '.join(message.text.split())[:LINE_CHARS_MAX]}"


def _told(gap: timedelta) -> str:
    minutes = max(gap, timedelta()) // timedelta(minutes=1)
    for name, length in (("day", 24 * 60), ("hour", 60)):
        if minutes >= length:
            return f"{minutes // length} {name}{'s' if minutes >= 2 * length else ''}"
    return f"{minutes} minute{'' if minutes == 1 else 's'}"
