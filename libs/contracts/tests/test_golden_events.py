"""Published shapes of events: each is pinned by two committed files, and a change is noticed."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import Field, create_model

from libs.contracts.tests.golden import (
    FOLDER,
    KINDS,
    OWNERS,
    all_events,
    example,
    golden_path,
    written,
)
from lingxi_contracts.base import Event
from lingxi_contracts.chat import MessagePosted

ADVICE = "a published shape does not change: make a new tag, or for a new event run golden.py"
EVENTS = [pytest.param(owner, event, id=f"{owner}.{event.tag}") for owner, event in all_events()]


def shape(value: object) -> object:
    """The keys of a JSON value and the kinds of its leaves."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [shape(inner) for inner in cast("list[object]", value)]
    return type(value).__name__


def differences(event: type[Event], full: dict[str, Any], required: dict[str, Any]) -> list[str]:
    """How an event differs from what its golden files say."""
    found: list[str] = []
    for kind, golden in (("full", full), ("required", required)):
        if shape(golden) != shape(example(event, kind)):
            found.append(f"{kind}: other fields or types")
        try:
            read = event.model_validate_json(written(golden))
        except ValueError:
            found.append(f"{kind}: cannot be read any more")
            continue
        if kind == "full" and json.loads(read.model_dump_json()) != golden:
            found.append("full: is not written as it was read")
    return found


def uncovered(events: Mapping[str, Iterable[str]], folder: Path) -> set[str]:
    """Golden files that are missing or stand for no event; `events`: tags by owner."""
    wanted = {
        f"{owner}/{tag}.{kind}.json"
        for owner, tags in events.items()
        for tag in tags
        for kind in KINDS
    }
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return wanted ^ there


def golden(owner: str, event: type[Event], kind: str) -> dict[str, Any]:
    return json.loads(golden_path(owner, event.tag, kind).read_text(encoding="utf-8"))


@pytest.mark.parametrize(("owner", "event"), EVENTS)
def test_an_event_has_its_published_shape(owner: str, event: type[Event]) -> None:
    """Guards the storage format: what was written once can be read, and is written the same."""
    full, required = (golden(owner, event, kind) for kind in KINDS)
    assert differences(event, full, required) == [], ADVICE


@pytest.mark.parametrize(("owner", "event"), EVENTS)
def test_fields_nobody_knows_yet_are_tolerated(owner: str, event: type[Event]) -> None:
    """Guards growth by addition: a reader of today reads an event of tomorrow."""
    full = golden(owner, event, "full")
    assert event.model_validate(full | {"of_tomorrow": 1}) == event.model_validate(full)


def test_every_event_has_its_golden_files_and_no_file_is_left_over() -> None:
    """Guards the set: nothing is published unpinned, nothing pinned disappears."""
    assert uncovered(OWNERS, FOLDER) == set(), ADVICE


def test_an_event_without_golden_files_is_noticed(tmp_path: Path) -> None:
    """Shows that the test above tests something."""
    assert uncovered({"chat": ["thing_added.v1"]}, tmp_path) == {
        "chat/thing_added.v1.full.json",
        "chat/thing_added.v1.required.json",
    }
    (tmp_path / "chat").mkdir()
    (tmp_path / "chat" / "gone.v1.full.json").write_text("{}")
    assert uncovered({}, tmp_path) == {"chat/gone.v1.full.json"}


FULL, REQUIRED = (golden("chat", MessagePosted, kind) for kind in KINDS)
CHANGES: dict[str, dict[str, Any]] = {
    "a new required field": {"mood": (str, ...)},
    "a new optional field": {"mood": (str | None, None)},
    "another type": {"seq": (str, ...)},
    "required no longer": {"text": (str, "")},
    "a tighter bound": {"seq": (int, Field(ge=1_000))},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_shape_is_noticed(change: str) -> None:
    """Shows that the pins hold: each kind of change to a published event fails."""
    changed = create_model("MessagePosted", __base__=MessagePosted, **CHANGES[change])
    assert differences(changed, FULL, REQUIRED) != []
    assert differences(MessagePosted, FULL, REQUIRED) == []


def test_a_removed_field_is_noticed() -> None:
    """Shows the same for a field that is taken away."""
    assert differences(MessagePosted, FULL | {"gone": "text"}, REQUIRED) != []
