"""Licences of what is locked: each is allowed, and one that is not would be noticed."""

import importlib.util
import sys
from email.message import Message
from pathlib import Path
from typing import Any

import pytest


def _loaded() -> Any:
    """A program beside the packages, as `make audit` runs it."""
    path = Path(__file__).parents[1] / "licences.py"
    spec = importlib.util.spec_from_file_location("licences", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["licences"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


licences = _loaded()


def test_all_that_is_locked_may_be_used() -> None:
    assert licences.objections() == {}


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("MIT", True),
        ("MIT AND PSF-2.0", True),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", True),
        ("GPL-3.0-only", False),
        ("MIT OR GPL-2.0-or-later", False),
        ("AGPL-3.0-only AND MIT", False),
        ("Proprietary", False),
        ("", False),
    ],
)
def test_what_is_allowed(licence: str, allowed: bool) -> None:
    assert licences.allowed(licence) is allowed


@pytest.mark.parametrize(
    ("told", "licence"),
    [
        ({"License-Expression": "ISC", "License": "GPL"}, "ISC"),
        ({"Classifier": "License :: OSI Approved :: MIT License"}, "MIT"),
        ({"Classifier": "License :: OSI Approved :: GNU Affero", "License": "AGPL"}, "AGPL"),
        ({"License": "Apache-2.0"}, "Apache-2.0"),
        ({"License": "Copyright\nAll rights reserved"}, ""),
        ({}, ""),
    ],
)
def test_where_a_licence_is_told(told: dict[str, str], licence: str) -> None:
    headers = Message()
    for name, value in told.items():
        headers[name] = value
    assert licences.licence_of(headers) == licence
