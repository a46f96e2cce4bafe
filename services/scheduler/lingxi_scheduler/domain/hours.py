"""The user's days and quiet hours, by the clock on their wall.

Quiet is every moment at which that clock shows a time within the span; so an hour that a change of
clocks skips or repeats is skipped or repeated in the span, too. Ends are found by looking at the
clock minute by minute: no rule of any zone needs to be known.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from lingxi_contracts.agent import QuietHours

LOOK_AHEAD_MINUTES_MAX = 27 * 60
"""No span within a day lasts longer, whatever the clocks do: Samoa once skipped a whole day."""
MINUTE = timedelta(minutes=1)


def is_quiet(now: datetime, quiet: QuietHours | None, zone: ZoneInfo) -> bool:
    """Whether the user's clock shows a quiet time. A span without length is none."""
    if quiet is None:
        return False
    start, end = time.fromisoformat(quiet.start), time.fromisoformat(quiet.end)
    shown = now.astimezone(zone).time()
    return start <= shown < end if start <= end else shown >= start or shown < end


def quiet_until(now: datetime, quiet: QuietHours | None, zone: ZoneInfo) -> datetime | None:
    """The first minute after quiet hours; None: they are not now."""
    if not is_quiet(now, quiet, zone):
        return None
    return _first_minute(now, lambda at: not is_quiet(at, quiet, zone))


def day_of(now: datetime, zone: ZoneInfo) -> date:
    """The date on the user's calendar."""
    return now.astimezone(zone).date()


def next_day(now: datetime, zone: ZoneInfo) -> datetime:
    """The first minute of the user's next day; midnight does not exist everywhere every day."""
    today = day_of(now, zone)
    return _first_minute(now, lambda at: day_of(at, zone) > today)


def _first_minute(now: datetime, holds: Callable[[datetime], bool]) -> datetime:
    at = now.astimezone(UTC).replace(second=0, microsecond=0)
    for _ in range(LOOK_AHEAD_MINUTES_MAX):
        at += MINUTE
        if holds(at):
            return at
    return at
