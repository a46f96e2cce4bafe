"""The argument that says since when."""

import argparse
import re
from datetime import UTC, datetime, timedelta

from lingxi_chassis.clock import utc_now

ALL = "all"
SECONDS_OF = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
AGO = re.compile(r"(\d{1,6})([smhd])")
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def moment(text: str) -> datetime:
    """`10m` ago (s, m, h, d), a time (ISO 8601, UTC unless it says), or `all`."""
    if text == ALL:
        return BEGINNING
    ago = AGO.fullmatch(text)
    if ago is not None:
        now = utc_now()
        seconds = int(ago[1]) * SECONDS_OF[ago[2]]
        return now - min(timedelta(seconds=seconds), now - BEGINNING)
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither like 10m, 2h, 1d, nor a time such as 2026-11-22T15:00, nor all"
        ) from None
