"""Ids as clients send them. A malformed one is answered exactly as an unknown one: 404."""

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator

from lingxi_contracts.errors import (
    AgentNotFound,
    MemoryNotFound,
    MessageNotFound,
    Refusal,
    SessionNotFound,
)


def known_as(not_found: type[Refusal]) -> Callable[[Any], Any]:
    """A validator that parses an id's text, and refuses what cannot be one.

    What is not text at all goes on to pydantic, and is an unfit body (422).
    """

    def parse(value: Any) -> Any:
        return parse_id(value, not_found) if isinstance(value, str) else value

    return parse


def parse_id(text: str, not_found: type[Refusal]) -> UUID:
    """The id, in the usual form with hyphens, whatever the case.

    Raises:
        Refusal: `not_found`, when it has another form.
    """
    try:
        parsed = UUID(text)
    except ValueError:
        raise not_found from None
    if str(parsed) != text.lower():
        raise not_found
    return parsed


SessionId = Annotated[UUID, BeforeValidator(known_as(SessionNotFound))]
"""For path and query parameters, and for fields of bodies."""
AgentId = Annotated[UUID, BeforeValidator(known_as(AgentNotFound))]
MessageId = Annotated[UUID, BeforeValidator(known_as(MessageNotFound))]
MemoryId = Annotated[UUID, BeforeValidator(known_as(MemoryNotFound))]
