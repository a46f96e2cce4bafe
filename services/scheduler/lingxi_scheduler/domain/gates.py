"""The gates between a silence and a message of the agent's, cheapest first.

Each says why it is closed and what opens it: a time, or an event. Those in `FINAL` stay closed for
this silence: only a message opens them.
Source: architecture 5, "Proactivity".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from lingxi_contracts.scheduler import Gate
from lingxi_scheduler.domain.hours import next_day, quiet_until
from lingxi_scheduler.domain.manners import Manners

UNANSWERED_MAX = 3
MESSAGES_MIN = 5
TYPING_PAUSE = timedelta(seconds=30)
FINAL: frozenset[Gate] = frozenset({"unanswered", "too_few_messages", "flagged", "model"})


@dataclass(frozen=True, slots=True)
class Standing:
    """How a session stands, as far as it is known."""

    manners: Manners
    zone: ZoneInfo
    sent_today: int
    unanswered: int
    message_count: int
    unread: bool = False
    flagged: bool = False
    turn_open: bool = False
    typing: bool = False


@dataclass(frozen=True, slots=True)
class Closed:
    """A gate that is closed, until `next_at` if that is a time."""

    gate: Gate
    reason: str
    next_at: datetime | None = None


OFF = Closed("off", "Writing first is switched off for this agent.")
NONE_A_DAY = Closed("daily_cap", "Messages that I write first are limited to none a day.")


def unwanted(manners: Manners, zone: ZoneInfo, now: datetime) -> Closed | None:
    """The gate that the user's settings close, whatever the session: also to what is decided."""
    if manners.behaviour == "off":
        return OFF
    return NONE_A_DAY if manners.daily_cap == 0 else _quiet(manners, zone, now)


def first_closed(standing: Standing, now: datetime, time_scale: float = 1) -> Closed | None:
    """The first gate that keeps the agent from writing; None: the model may be asked."""
    return next(_closed(standing, now, time_scale), None)


def _closed(standing: Standing, now: datetime, time_scale: float) -> Iterator[Closed]:
    manners = standing.manners
    if manners.behaviour == "off":
        yield OFF
    if standing.unread:
        yield Closed("unread", "You have not read my last message yet.")
    quiet = _quiet(manners, standing.zone, now)
    if quiet is not None:
        yield quiet
    if manners.daily_cap == 0:
        yield NONE_A_DAY
    elif standing.sent_today >= manners.daily_cap:
        often = "once" if manners.daily_cap == 1 else f"{manners.daily_cap} times"
        spent = f"Today I have written first {often}, which is as often as I may."
        yield Closed("daily_cap", spent, next_day(now, standing.zone))
    if standing.unanswered >= UNANSWERED_MAX:
        waits = f"You have not answered the last {standing.unanswered} messages that I wrote first."
        yield Closed("unanswered", waits)
    if standing.message_count < MESSAGES_MIN:
        few = f"We have exchanged {standing.message_count} messages; I wait for {MESSAGES_MIN}."
        yield Closed("too_few_messages", few)
    if standing.flagged:
        yield Closed("flagged", "Your last message needs care, not small talk.")
    if standing.turn_open:
        yield Closed("turn_open", "I am answering you right now.")
    if standing.typing:
        yield Closed("typing", "You are typing.", now + TYPING_PAUSE / time_scale)


def _quiet(manners: Manners, zone: ZoneInfo, now: datetime) -> Closed | None:
    end = quiet_until(now, manners.quiet_hours, zone)
    if end is None:
        return None
    shown = end.astimezone(zone)
    return Closed("quiet_hours", f"Your quiet hours last until {shown:%H:%M}.", end)
