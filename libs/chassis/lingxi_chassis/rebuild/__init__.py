"""Rebuild: read models and snapshots made again from the log, while the service runs and writes."""

from lingxi_chassis.rebuild.leftovers import discard_leftovers
from lingxi_chassis.rebuild.read_models import (
    ReadModels,
    RebuildBusy,
    RebuildStalled,
    Rebuilt,
    rebuild_read_models,
)
from lingxi_chassis.rebuild.snapshots import Refolded, rebuild_snapshots

__all__ = [
    "ReadModels",
    "RebuildBusy",
    "RebuildStalled",
    "Rebuilt",
    "Refolded",
    "discard_leftovers",
    "rebuild_read_models",
    "rebuild_snapshots",
]
