"""Faults that tests inject over HTTP: rules that name whom they meet and what happens then.

A rule is a JSON object. Whom it meets (all that are given must hold; none: every request):
  `model`      the model's name, exactly
  `contains`   a part of the newest user message
  `path`       the end of the request's path, e.g. "embeddings"
  `streamed`   true or false
How often: `skip` requests are let through first, then it acts `times` times (default: for ever).
What happens, `do`:
  `status`         answers `status` with `code`, `message`, `retry_after_seconds`
  `unknown_model`  404 `model_not_found`
  `context_length` 400 `context_length_exceeded`
  `hang`           answers `seconds` later (0: never), or once the rule is switched off; in a
                   stream after `after_chunks`
  `cut`            breaks the connection after `after_chunks`; with `clean` the stream just ends,
                   without a finish reason
  `nonsense`       `kind`: invalid_json | empty_choices | html
  `empty`          an answer without text
  `slow`           `delay_ms` before each chunk
  `raw`            answers `content`, word for word, with `finish_reason` (default stop)
  `refuse`         finish reason `content_filter`
  `stream_error`   an error object after `after_chunks`, inside a 200 answer
The first rule that meets acts. Each rule has an id by which it can be switched off.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, TypeAdapter

RULES_MAX = 1_000

type Action = Literal[
    "status", "unknown_model", "context_length", "hang", "cut", "nonsense", "empty", "slow",
    "raw", "refuse", "stream_error",
]  # fmt: skip


class Rule(BaseModel):
    """One fault, as posted; the module says what the fields mean."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    do: Action
    model: str | None = None
    contains: str | None = None
    path: str | None = None
    streamed: bool | None = None
    times: int | None = Field(default=None, ge=1)
    skip: int = Field(default=0, ge=0)
    status: int = Field(default=500, ge=400, le=599)
    code: str | None = None
    message: str | None = None
    retry_after_seconds: float | None = Field(default=None, ge=0)
    seconds: float = Field(default=0, ge=0, le=600)
    after_chunks: int = Field(default=0, ge=0)
    clean: bool = False
    kind: Literal["invalid_json", "empty_choices", "html"] = "invalid_json"
    delay_ms: float = Field(default=0, ge=0, le=60_000)
    content: str = ""
    finish_reason: str | None = "stop"
    _off: asyncio.Event = PrivateAttr(default_factory=asyncio.Event)

    def switch_off(self) -> None:
        """It is no longer in force."""
        self._off.set()

    @property
    def is_off(self) -> bool:
        """Whether it was switched off."""
        return self._off.is_set()

    async def passes(self, seconds: float | None) -> None:
        """Wait that long, None for ever, or until the rule is switched off."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._off.wait(), seconds)


RULES = TypeAdapter[list[Rule]](list[Rule])


@dataclass(frozen=True, slots=True)
class Asked:
    """What rules look at in a request."""

    path: str
    model: str
    newest_user_text: str
    streamed: bool


@dataclass(frozen=True, slots=True)
class _Placed:
    rule_id: int
    rule: Rule
    met: int = 0

    @property
    def spent(self) -> bool:
        times = self.rule.times
        return times is not None and self.met >= self.rule.skip + times


class Faults:
    """The rules in force, oldest first."""

    def __init__(self) -> None:
        self._placed: list[_Placed] = []
        self._last_id = 0

    def add(self, rules: Sequence[Rule]) -> list[int]:
        """Puts rules in force behind those there are; returns their ids."""
        if len(self._placed) + len(rules) > RULES_MAX:
            raise ValueError(f"more than {RULES_MAX} rules")
        ids = [self._last_id + 1 + at for at in range(len(rules))]
        self._placed += [_Placed(rule_id, rule) for rule_id, rule in zip(ids, rules, strict=True)]
        self._last_id += len(rules)
        return ids

    def remove(self, rule_id: int | None = None) -> None:
        """Switches one rule off, or all; an unknown id is no error."""
        for placed in self._placed:
            if rule_id is None or placed.rule_id == rule_id:
                placed.rule.switch_off()
        self._placed = [placed for placed in self._placed if not placed.rule.is_off]

    def listed(self) -> list[dict[str, object]]:
        """Every rule with its id and how often it was met, let through or not."""
        return [
            {"id": placed.rule_id, "met": placed.met, "rule": placed.rule.model_dump()}
            for placed in self._placed
        ]

    def next_for(self, asked: Asked) -> Rule | None:
        """The rule that acts on this request, counted; None when nothing is wrong."""
        for at, placed in enumerate(self._placed):
            if placed.spent or not _meets(placed.rule, asked):
                continue
            self._placed[at] = replace(placed, met=placed.met + 1)
            if placed.met >= placed.rule.skip:
                return placed.rule
        return None


def _meets(rule: Rule, asked: Asked) -> bool:
    return (
        (rule.model is None or rule.model == asked.model)
        and (rule.contains is None or rule.contains in asked.newest_user_text)
        and (rule.path is None or asked.path.rstrip("/").endswith(rule.path))
        and (rule.streamed is None or rule.streamed == asked.streamed)
    )
