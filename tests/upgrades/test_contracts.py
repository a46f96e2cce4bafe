"""Services of two releases side by side, as in every upgrade: each reads what the other writes.

What yesterday wrote is in its files; how yesterday reads is in its schemas, which ignore fields
they don't know, as its code does.
"""

import json
from typing import Any, Literal

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from pydantic import BaseModel, create_model

from libs.contracts.tests.golden import KINDS
from lingxi_contracts.chat import GetAnswer
from tests.upgrades.released import CONTRACTS, Shape, models, newest, shape_of

ADVICE = (
    "a service of the last release would not understand this one, or the other way round: let new"
    " fields have defaults, keep old ones, and make a new tag or request for all else"
)


def yesterday() -> dict[str, Shape]:
    return json.loads((newest() / CONTRACTS).read_text())


def faults(model: type[BaseModel], before: Shape) -> list[str]:
    """What one of the two would not read of the other's."""
    found: list[str] = []
    for kind in KINDS:
        try:
            model.model_validate(before[kind])
        except ValueError as error:
            found.append(f"today does not read yesterday's ({kind}): {error}")
    validator = Draft202012Validator(before["schema"])
    now = shape_of(model)
    for kind in KINDS:
        # As it goes over the wire, with what it has by default.
        sent = json.loads(model.model_validate(now[kind]).model_dump_json())
        found += [
            f"yesterday does not read today's ({kind}): {list(error.path)}: {error.message}"
            for error in validator.iter_errors(sent)
            if not _is_read_all_the_same(error)
        ]
    return found


def _is_read_all_the_same(error: ValidationError) -> bool:
    """The envelope's integers are written as strings, and every reader takes either."""
    return error.validator_value == "integer" and str(error.instance).isdecimal()


def test_two_releases_understand_each_other() -> None:
    today, before = models(), yesterday()
    gone = sorted(before.keys() - today.keys())
    assert gone == [], "still asked for or sent by services of the last release"
    broken = {name: told for name, was in before.items() if (told := faults(today[name], was))}
    assert broken == {}, ADVICE


def test_all_that_crosses_a_boundary_was_kept() -> None:
    """Guards the files: they were not written from half of the contracts."""
    kinds = [name.split()[0] for name in yesterday()]
    assert kinds.count("event") > 25
    assert kinds.count("request") == kinds.count("answer") > 50


CHANGES: dict[str, dict[str, Any]] = {
    "a new required field": {"mood": (str, ...)},
    "another type": {"session_id": (int, ...)},
    "fewer values": {"user_id": (Literal["me"], ...)},
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_would_not_be_understood_is_noticed(change: str) -> None:
    """Shows that the test above tests something."""
    before = shape_of(GetAnswer)
    assert faults(GetAnswer, before) == []
    changed = create_model("GetAnswer", __base__=GetAnswer, **CHANGES[change])
    assert faults(changed, before) != []


def test_a_field_that_is_taken_away_is_noticed() -> None:
    before = shape_of(GetAnswer)
    before["schema"]["required"] += ["taken_away"]
    assert faults(GetAnswer, before) != []


def test_a_new_field_with_a_default_is_none() -> None:
    grown = create_model("GetAnswer", __base__=GetAnswer, mood=(str, "calm"))
    assert faults(grown, shape_of(GetAnswer)) == []
