"""Merge patches as RFC 7396 means them, and what a document may hold."""

import json
from typing import Any

import pytest

from lingxi_agent.domain.document import (
    ERRORS_MAX,
    NUMBER_CHARS_MAX,
    PARAMETERS_DEPTH_MAX,
    Json,
    merge_patch,
    validated,
)
from lingxi_contracts.agent import PARAMETERS_BYTES_MAX, PERSONALITY_CHARS_MAX
from lingxi_contracts.errors import InvalidInput

# RFC 7396, appendix A: all of its examples.
APPENDIX_A: list[tuple[Json, Json, Json]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("target", "patch", "result"), APPENDIX_A)
def test_a_merge_patch_does_what_the_rfc_shows(target: Json, patch: Json, result: Json) -> None:
    assert merge_patch(target, patch) == result


def with_parameters(**parameters: Any) -> Json:
    return {"name": "Mo", "parameters": parameters}


def nested(depth: int) -> Json:
    """Lists in one another, so that `{"x": nested(n)}` is n + 1 deep."""
    value: Json = 1
    for _ in range(depth):
        value = [value]
    return value


LONGEST_PARAMETER = PARAMETERS_BYTES_MAX - len(
    b'{"model":null,"temperature":null,"max_tokens":null,"proactive_behavior":"balanced",'
    b'"auto_apply_confidence":0.8,"x":""}'
)

FIT: list[Json] = [
    with_parameters(x=nested(PARAMETERS_DEPTH_MAX - 1)),
    with_parameters(x="a" * LONGEST_PARAMETER),
    with_parameters(x=[10**NUMBER_CHARS_MAX - 1, -0.1, 1e-38]),
    with_parameters(personality_prompt="你" * PERSONALITY_CHARS_MAX),
    with_parameters(**{"": "\u0001\U0001f600", "model_dump": 1, "name": None}),
    {"name": "你" * 100, "unknown": "\x00"},
]


@pytest.mark.parametrize("document", FIT, ids=range(len(FIT)))
def test_a_fit_document_is_kept_exactly(document: dict[str, Any]) -> None:
    kept = validated(document)
    for key, value in document.get("parameters", {}).items():
        assert kept.parameters.model_dump()[key] == value


def test_a_number_is_kept_as_postgres_gives_it_back() -> None:
    kept = validated(with_parameters(x=[1e16, {"y": -1e39}, -0.0, 9e15]))
    assert json.dumps(kept.parameters.model_dump()["x"]) == json.dumps(
        [10**16, {"y": -(10**39)}, 0.0, 9e15]
    )


UNFIT: list[tuple[Json, list[str | int], str]] = [
    (None, [], "model_type"),
    ([], [], "model_type"),
    ({}, ["name"], "missing"),
    ({"name": None}, ["name"], "string_type"),
    ({"name": "a" * 101}, ["name"], "too_long"),
    ({"name": "a\x00"}, ["name"], "value_error"),
    ({"name": "Mo", "parameters": []}, ["parameters"], "model_type"),
    ({"name": "Mo", "parameters": None}, ["parameters"], "model_type"),
    ({"name": "Mo", "timings": 1}, ["timings"], "model_type"),
    (with_parameters(model=""), ["parameters", "model"], "too_short"),
    (with_parameters(personality_prompt=None), ["parameters", "personality_prompt"], "string_type"),
    (
        with_parameters(personality_prompt="a" * (PERSONALITY_CHARS_MAX + 1)),
        ["parameters", "personality_prompt"],
        "too_long",
    ),
    (with_parameters(model="\x00"), ["parameters", "model"], "value_error"),
    (with_parameters(x=[{"y": "\ud800"}]), ["parameters", "x", 0, "y"], "value_error"),
    (with_parameters(x={"\x00": 1}), ["parameters", "x"], "value_error"),
    (with_parameters(x=1e40), ["parameters", "x"], "number_too_long"),
    (with_parameters(x=[1e-300]), ["parameters", "x", 0], "number_too_long"),
    (with_parameters(x=10**NUMBER_CHARS_MAX), ["parameters", "x"], "number_too_long"),
    ({"name": "Mo", "timings": {"daily_cap": 1e999}}, ["timings", "daily_cap"], "int_type"),
    (with_parameters(x=float("nan")), ["parameters", "x"], "number_too_long"),
    (with_parameters(x="a" * (LONGEST_PARAMETER + 1)), ["parameters"], "too_long"),
    (with_parameters(x=[1e39] * 1000), ["parameters"], "too_long"),
    (
        with_parameters(x=nested(PARAMETERS_DEPTH_MAX)),
        ["parameters", "x", *[0] * (PARAMETERS_DEPTH_MAX - 1)],
        "too_deep",
    ),
]


@pytest.mark.parametrize(("document", "loc", "kind"), UNFIT, ids=range(len(UNFIT)))
def test_an_unfit_document_is_refused_with_its_place(
    document: Json, loc: list[str | int], kind: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        validated(document)
    (error,) = refused.value.facts["errors"]
    assert error["loc"] == ["body", *loc]
    assert kind in error["type"]
    assert error["msg"]


def test_what_is_told_of_an_unfit_document_is_bounded() -> None:
    with pytest.raises(InvalidInput) as refused:
        validated(with_parameters(**{"k" * 100_000: ["\x00"] * 100_000}))
    assert len(refused.value.facts["errors"]) == ERRORS_MAX
    assert len(json.dumps(refused.value.facts)) < 10_000
