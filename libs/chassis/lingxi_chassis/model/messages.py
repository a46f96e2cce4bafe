"""What goes into a model call and what comes out of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, NamedTuple

type Role = Literal["system", "user", "assistant"]


class Priority(IntEnum):
    """Who goes first when all slots are taken: the lower value."""

    REPLY = 0
    BACKGROUND = 1


class ChatMessage(NamedTuple):
    """One message of a prompt."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One question to a model.

    `model`: None asks the default one. `deadline_seconds`: from the call to the last token, all
    tries and all waiting included; None: the client's. `response_format` goes to the provider as
    it is.
    """

    messages: Sequence[ChatMessage]
    model: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    priority: Priority = Priority.REPLY
    deadline_seconds: float | None = None
    response_format: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Delta:
    """Text that came together: one or more tokens, never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Again:
    """The deltas so far are void: the call failed and is tried again from the start."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of the call; `estimated` when the provider did not say."""

    prompt_tokens: int
    completion_tokens: int
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole answer.

    `text` is all deltas joined. `model` is the name that answered, `fallback_from` the unknown
    name it stands in for. `finish_reason` is `stop` or `length` (cut at the token limit).
    `latency_ms` counts from the start of the first try.
    """

    text: str
    model: str
    usage: Usage
    finish_reason: str
    fallback_from: str | None
    latency_ms: int


@dataclass(frozen=True, slots=True)
class JsonAnswer:
    """A structured answer: valid JSON, its shape not yet validated."""

    value: object
    completion: Completion
