"""What all HTTP shapes share."""

from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field

JSON_DEPTH_MAX = 32


class Shape(BaseModel):
    """A JSON object of the public API. Fields it does not know are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


def _is_none(value: object) -> bool:
    return value is None


def absent_if_none(description: str | None = None) -> Any:
    """A field that is left out of the answer where it does not apply."""
    return Field(default=None, exclude_if=_is_none, description=description)


class Page[T](Shape):
    """One page of a list; `next` and `previous` are absolute URLs."""

    count: int = Field(description="Of the whole list.")
    next: str | None
    previous: str | None
    results: list[T]


class KeysetPage[T](Shape):
    """A piece of a list, ascending: `next` is the URL of what is newer, `previous` of older."""

    results: list[T]
    next: str | None
    previous: str | None


def not_too_deep(value: Any, depth: int = 0) -> Any:
    """The JSON value as it is; what else may be wrong with it, its owner says.

    Raises:
        ValueError: it nests deeper than `JSON_DEPTH_MAX`.
    """
    if depth > JSON_DEPTH_MAX:
        raise ValueError(f"must not nest deeper than {JSON_DEPTH_MAX}")
    match value:
        case dict():
            for member in cast("dict[str, Any]", value).values():
                not_too_deep(member, depth + 1)
        case list():
            for member in cast("list[Any]", value):
                not_too_deep(member, depth + 1)
        case _:
            pass
    return value  # pyright: ignore[reportUnknownVariableType]
