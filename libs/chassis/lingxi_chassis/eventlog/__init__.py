"""The event log of an owner: append, the snapshot commands decide on, and the relay's view."""

from lingxi_chassis.eventlog.again import again_on_conflict
from lingxi_chassis.eventlog.append import (
    Clause,
    Conflict,
    EventLog,
    GuardLost,
    Projection,
)
from lingxi_chassis.eventlog.recent import Recent
from lingxi_chassis.eventlog.snapshot import Snapshot

__all__ = [
    "Clause",
    "Conflict",
    "EventLog",
    "GuardLost",
    "Projection",
    "Recent",
    "Snapshot",
    "again_on_conflict",
]
