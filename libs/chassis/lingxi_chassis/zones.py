"""Time zones by their IANA names."""

from zoneinfo import ZoneInfo


def zone_named(name: str) -> ZoneInfo:
    """The zone; UTC for one that this machine does not know, which keeps nobody from an answer."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")
