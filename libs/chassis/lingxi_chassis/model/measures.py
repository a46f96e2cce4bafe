"""Calls to a model's provider, counted and timed. Each try is a call of its own."""

from collections.abc import Mapping
from typing import Literal, Self

from prometheus_client import Counter, Gauge, Histogram

from lingxi_chassis import tracing
from lingxi_chassis.clock import monotonic
from lingxi_chassis.model.errors import FAILURES, ModelFailure
from lingxi_chassis.model.messages import Priority, Usage

type Kind = Literal["reply", "background", "embedding", "moderation"]
KINDS: tuple[Kind, ...] = ("reply", "background", "embedding", "moderation")
KIND_OF: Mapping[Priority, Kind] = {
    Priority.REPLY: "reply",
    Priority.BACKGROUND: "background",
}
"""Of calls for text."""
ANSWERED = "ok"
GIVEN_UP = "given_up"
"""We ended it: the turn was stopped, or the process is."""
SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120)

CALLS = Counter("lingxi_model_calls", "By purpose, and by what came of them", ["kind", "outcome"])
CALL_SECONDS = Histogram("lingxi_model_call_seconds", "To the end", ["kind"], buckets=SECONDS)
FIRST_TOKEN_SECONDS = Histogram(
    "lingxi_model_first_token_seconds", "To the first text", ["kind"], buckets=SECONDS
)
TOKENS = Counter("lingxi_model_tokens", "Read and written, as the provider says", ["direction"])
SLOTS = Gauge("lingxi_model_slots", "Slots for calls: used, free, and waited for", ["state"])

_outcomes = {
    (kind, outcome): CALLS.labels(kind, outcome)
    for kind in KINDS
    for outcome in (ANSWERED, GIVEN_UP, *sorted({failure.code for failure in FAILURES}))
}
_seconds = {kind: CALL_SECONDS.labels(kind) for kind in KINDS}
_first_token = {kind: FIRST_TOKEN_SECONDS.labels(kind) for kind in KINDS}
_read, _written = TOKENS.labels("read"), TOKENS.labels("written")


class ModelCall:
    """One call, as a context: leaving it ends the call, by the exception if there is one."""

    def __init__(self, kind: Kind) -> None:
        self._kind: Kind = kind
        # Not what others are within: an answer is handed out piece by piece.
        self._span = tracing.begin(f"model {kind}", tracing.Kind.ASKS)
        self._began = monotonic()
        self._heard = False

    def heard(self) -> None:
        """Text came."""
        if not self._heard:
            self._heard = True
            seconds = monotonic() - self._began
            _first_token[self._kind].observe(seconds)
            self._span.tell("lingxi.first_token_seconds", seconds)

    def of(self, model: str) -> None:
        """Who is asked, if an operator chose it: a user's choice may be any text."""
        self._span.tell("gen_ai.request.model", model)

    def used(self, usage: Usage | None) -> None:
        """What the provider says the call took, if it does."""
        if usage is not None:
            _read.inc(usage.prompt_tokens)
            _written.inc(usage.completion_tokens)
            self._span.tell("gen_ai.usage.input_tokens", usage.prompt_tokens)
            self._span.tell("gen_ai.usage.output_tokens", usage.completion_tokens)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        outcome = ANSWERED
        if isinstance(error, ModelFailure):
            outcome = error.code
            self._span.failed(outcome)
        elif error is not None:
            outcome = GIVEN_UP
        self._span.tell("lingxi.outcome", outcome)
        self._span.end()
        _outcomes[self._kind, outcome].inc()
        _seconds[self._kind].observe(monotonic() - self._began)
