"""Quiet hours and days by the clock on the user's wall, across changes of clocks."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from lingxi_contracts.agent import QuietHours
from lingxi_scheduler.domain.hours import day_of, is_quiet, next_day, quiet_until

ZONES = (
    "UTC",
    "Asia/Shanghai",
    "America/New_York",
    "Europe/Berlin",
    "Pacific/Chatham",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Asia/Beirut",
    "America/Santiago",
)
YEARS = (datetime.fromisoformat("2024-01-01"), datetime.fromisoformat("2028-01-01"))
MOMENTS = st.datetimes(*YEARS, timezones=st.just(UTC))


def time_of_day(hour: int, minute: int) -> str:
    return f"{hour:02}:{minute:02}"


TIMES = st.builds(time_of_day, st.integers(0, 23), st.integers(0, 59))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def ends(zone: str, start: str, end: str, now: str) -> str | None:
    """When quiet hours end that are now, in UTC."""
    found = quiet_until(utc(now), QuietHours(start=start, end=end), ZoneInfo(zone))
    return found and f"{found:%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("zone", "start", "end", "now", "expected"),
    [
        # Within a day, across midnight, at the borders.
        ("UTC", "13:00", "14:30", "2026-11-22T13:00", "2026-11-22 14:30"),
        ("UTC", "13:00", "14:30", "2026-11-22T14:30", None),
        ("UTC", "13:00", "14:30", "2026-11-22T12:59:59", None),
        ("UTC", "22:00", "07:00", "2026-11-22T23:15:42", "2026-11-23 07:00"),
        ("UTC", "22:00", "07:00", "2026-11-23T06:59", "2026-11-23 07:00"),
        ("UTC", "22:00", "07:00", "2026-11-23T12:00", None),
        ("UTC", "09:00", "09:00", "2026-11-23T09:00", None),
        # Zones off the full hour: +13:45 in summer and +12:45, +05:45.
        ("Pacific/Chatham", "22:00", "07:00", "2026-01-10T09:00", "2026-01-10 17:15"),
        ("Pacific/Chatham", "22:00", "07:00", "2026-07-10T09:30", "2026-07-10 18:15"),
        ("Asia/Kathmandu", "22:00", "07:00", "2026-11-22T16:15", "2026-11-23 01:15"),
        ("Asia/Kathmandu", "22:00", "07:00", "2026-11-22T16:14", None),
        # Berlin's spring: 02:00 is 03:00, the night lasts an hour less.
        ("Europe/Berlin", "22:00", "07:00", "2026-03-28T22:00", "2026-03-29 05:00"),
        # An end that does not exist: the clock shows a later time at once.
        ("Europe/Berlin", "22:00", "02:30", "2026-03-29T00:30", "2026-03-29 01:00"),
        # A span that the change skips as a whole.
        ("Europe/Berlin", "02:00", "03:00", "2026-03-29T01:00", None),
        # Berlin's autumn: 03:00 is 02:00, the night lasts an hour more.
        ("Europe/Berlin", "22:00", "07:00", "2026-10-24T22:00", "2026-10-25 06:00"),
        # A time that comes twice: quiet is over at the first, and is again before the second.
        ("Europe/Berlin", "22:00", "02:30", "2026-10-24T22:00", "2026-10-25 00:30"),
        ("Europe/Berlin", "22:00", "02:30", "2026-10-25T01:10", "2026-10-25 01:30"),
    ],
)
def test_quiet_hours_end_by_the_users_clock(
    zone: str, start: str, end: str, now: str, expected: str | None
) -> None:
    assert ends(zone, start, end, now) == expected


@given(MOMENTS, TIMES, TIMES, st.sampled_from(ZONES))
def test_quiet_hours_end_at_the_first_minute_that_is_not_quiet(
    now: datetime, start: str, end: str, zone_name: str
) -> None:
    zone, quiet = ZoneInfo(zone_name), QuietHours(start=start, end=end)
    until = quiet_until(now, quiet, zone)

    assert (until is None) == (not is_quiet(now, quiet, zone))
    if until is not None:
        assert now < until <= now + timedelta(hours=26)
        assert not is_quiet(until, quiet, zone)
        assert is_quiet(until - timedelta(minutes=1), quiet, zone) or until - now < timedelta(
            minutes=1
        )


@given(MOMENTS, st.sampled_from(ZONES))
def test_the_next_day_is_the_first_minute_of_another_date(now: datetime, zone_name: str) -> None:
    zone = ZoneInfo(zone_name)
    morning = next_day(now, zone)

    assert now < morning <= now + timedelta(hours=26)
    assert day_of(morning, zone) > day_of(now, zone)
    assert day_of(morning - timedelta(minutes=1), zone) == day_of(now, zone)


def test_a_day_without_midnight_begins_later() -> None:
    """In Santiago clocks go from 24:00 to 01:00."""
    zone = ZoneInfo("America/Santiago")
    assert next_day(utc("2026-09-05T20:00"), zone) == utc("2026-09-06T04:00")
