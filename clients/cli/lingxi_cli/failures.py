"""Why a command ends with exit code 1: one line for the person at the terminal."""

from collections.abc import Mapping
from typing import Any

from lingxi_contracts.errors import InvalidInput, Refusal


class Failure(Exception):
    """It could not be done; the message says why and what helps."""


def refused(refusal: Refusal) -> str:
    """A refusal in one line; of unfit input, which part and why."""
    if not isinstance(refusal, InvalidInput):
        return refusal.message
    errors: list[Mapping[str, Any]] = refusal.facts.get("errors", [])
    return "; ".join(f"{_place(error)}: {error['msg']}" for error in errors) or refusal.message


def _place(error: Mapping[str, Any]) -> str:
    return ".".join(str(part) for part in error.get("loc", ())) or "input"
