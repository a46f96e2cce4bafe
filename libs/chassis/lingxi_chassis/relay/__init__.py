"""Publishes an owner's log to its stream: every row once, in order."""

from lingxi_chassis.relay.relay import Relay
from lingxi_chassis.relay.stream import StreamLimits

__all__ = ["Relay", "StreamLimits"]
