"""A new key for tokens: known before it signs, and known until nothing of it is good any more."""

import json
from pathlib import Path
from typing import Any

import pytest

from lingxi_compose.choices import Refused
from lingxi_compose.installation import SECRETS, prepare
from lingxi_compose.rotation import ANNOUNCED_SECONDS, DAY_SECONDS, came_up, rotate_key
from lingxi_gateway.bootstrap import open_tokens
from lingxi_gateway.settings import Settings


class Operator:
    """Takes steps at times of their own."""

    def __init__(self, folder: Path, **read: str) -> None:
        self.folder = prepare(folder)
        self.read = read
        self.at = 1_000_000.0

    def up(self) -> None:
        """`make up`."""
        prepare(self.folder)
        came_up(self.folder, lambda: self.at)

    def rotate(self) -> str:
        """`make rotate-key`."""
        return rotate_key(self.read, self.folder, lambda: self.at)

    @property
    def keys(self) -> list[str]:
        """Whose tokens the gateway reads, the key that signs first."""
        lines = (self.folder / "gateway.env").read_text().splitlines()
        given: dict[str, Any] = {"LINGXI_INTERNAL_PORT": 9000}
        given |= dict(line.split("=", 1) for line in lines)
        tokens = open_tokens(Settings.model_validate(given))
        return [key["kid"] for key in tokens.public_keys]


def test_a_key_is_rotated_in_steps_without_a_gap(tmp_path: Path) -> None:
    """Guards logins: the next key is known before it signs, the last one until the next time."""
    operator = Operator(tmp_path / "secrets")
    (first,) = operator.keys
    assert "rotate again" in operator.rotate()
    signs, second = operator.keys
    assert signs == first
    operator.up()
    operator.at += ANNOUNCED_SECONDS
    operator.rotate()
    assert operator.keys == [second, first]
    operator.up()
    operator.rotate()
    signs, third, last = operator.keys
    assert (signs, last) == (second, first)
    operator.up()
    operator.at += 7 * DAY_SECONDS
    operator.rotate()
    assert operator.keys == [third, second]


def test_a_step_waits_until_the_one_before_is_known(tmp_path: Path) -> None:
    operator = Operator(tmp_path / "secrets")
    operator.rotate()
    operator.at += DAY_SECONDS
    with pytest.raises(Refused, match="`make up` first"):
        operator.rotate()
    operator.up()
    operator.at += ANNOUNCED_SECONDS - 1
    operator.up()  # once more changes nothing
    before = (operator.folder / SECRETS).read_text()
    with pytest.raises(Refused, match=r"1\.0 seconds too early"):
        operator.rotate()
    assert (operator.folder / SECRETS).read_text() == before
    operator.at += 1
    operator.rotate()
    assert "jwt.next" not in json.loads((operator.folder / SECRETS).read_text())


def test_the_last_key_is_left_out_when_its_tokens_have_ended(tmp_path: Path) -> None:
    operator = Operator(tmp_path / "secrets", REFRESH_TOKEN_DAYS="30")
    for _ in range(2):
        operator.rotate()
        operator.up()
        operator.at += ANNOUNCED_SECONDS
    operator.rotate()
    operator.up()
    operator.at += 7 * DAY_SECONDS
    with pytest.raises(Refused, match=r"good: 23\.0 days too early"):
        operator.rotate()
    operator.at += 23 * DAY_SECONDS
    operator.rotate()
    assert len(operator.keys) == 2
