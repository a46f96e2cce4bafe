"""Erasure: what remains to be done, as a resumable job, once a stream's tombstone is in the log.
And of a part of a stream that lives on."""

from lingxi_chassis.erasure.job import Eraser
from lingxi_chassis.erasure.purge import LivePurge
from lingxi_chassis.erasure.queue import ERASING
from lingxi_chassis.erasure.redact import Redaction, Redactor
from lingxi_chassis.erasure.users import (
    ERASED_USER_CONSTRAINT,
    ERASED_WITH_STREAM,
    erase_user,
    is_erased,
)

__all__ = [
    "ERASED_USER_CONSTRAINT",
    "ERASED_WITH_STREAM",
    "ERASING",
    "Eraser",
    "LivePurge",
    "Redaction",
    "Redactor",
    "erase_user",
    "is_erased",
]
