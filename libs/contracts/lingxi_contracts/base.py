"""The kinds of thing that cross a process boundary.

An `Event` is a fact in an owner's log; its JSON is the storage format and is pinned by a golden
file. A `Request` is a command or a question to one owner; it names its answer's type, so a call is
typed from end to end. Readers ignore fields they do not know: shapes grow by addition.
"""

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, cast

from pydantic import AfterValidator, BaseModel, ConfigDict


class Frozen(BaseModel):
    """A value: immutable, tolerant of fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not contain U+0000")
    try:
        text.encode()  # many times faster than a look at each character
    except UnicodeEncodeError:
        raise ValueError("must not contain a lone surrogate") from None
    return text


Text = Annotated[str, AfterValidator(_storable)]
"""Any text that Postgres and JSON can hold: all but U+0000 and lone surrogates. Kept exactly."""


class Event(Frozen):
    """A fact. `tag` is the snake case of the class name and a version; it is never renamed."""

    tag: ClassVar[str]


class Answer(Frozen):
    """What an owner answers to a request."""


class Nothing(Answer):
    """The answer of a command that has nothing to tell."""


class Request[A: Answer](Frozen):
    """A command or a question to one owner. `name` makes the subject `<owner>.rpc.<name>`.

    Without an `owner` it is one that several answer (`operations`): the caller says whom it asks.
    """

    owner: ClassVar[str] = ""
    kind: ClassVar[str] = "rpc"
    name: ClassVar[str]

    @classmethod
    def answer_type(cls) -> type[A]:
        """The type of the answer, read off the base class `Request[TheAnswer]`."""
        for base in cls.__mro__:
            generic: dict[str, Any] = base.__dict__.get("__pydantic_generic_metadata__", {})
            if generic.get("args"):
                return cast("type[A]", generic["args"][0])
        raise TypeError(f"{cls.__name__} does not name its answer")


def by_tag(events: Iterable[type[Event]]) -> dict[str, type[Event]]:
    """The events of one owner by their tag, for reading the log and the stream."""
    return {event.tag: event for event in events}
