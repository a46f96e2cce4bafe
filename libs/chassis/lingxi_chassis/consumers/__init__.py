"""Consumers of other owners' events: durable, acknowledged after the handler's commit."""

from lingxi_chassis.consumers.durable import HandlerLimits
from lingxi_chassis.consumers.from_logs import FromLogs
from lingxi_chassis.consumers.handling import Permanent, Together
from lingxi_chassis.consumers.subscriptions import Subscriptions

__all__ = ["FromLogs", "HandlerLimits", "Permanent", "Subscriptions", "Together"]
