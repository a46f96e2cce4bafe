"""Frozen records with changes."""

from dataclasses import FrozenInstanceError, dataclass, replace
from typing import Any

import pytest

from lingxi_chassis.records import changed


@dataclass(frozen=True)
class Place:
    """What folds work on."""

    name: str
    seq: int = 0
    near: tuple[str, ...] = ()


def test_it_is_what_dataclasses_would_make() -> None:
    before = Place("here", 1, ("there",))

    after = changed(before, seq=2, near=())

    assert after == replace(before, seq=2, near=())
    assert before == Place("here", 1, ("there",))
    assert type(after) is Place


def test_it_stays_frozen() -> None:
    after: Any = changed(Place("here"), seq=1)

    with pytest.raises(FrozenInstanceError):
        after.seq = 2


def test_a_field_that_there_is_not_is_told() -> None:
    with pytest.raises(TypeError, match=r"Place has no \['seqs'\]"):
        changed(Place("here"), seqs=1)
