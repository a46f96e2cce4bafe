"""Whether everything we build on may be used and handed on: licences of locked packages.

Of Python packages as their metadata says (expression, classifiers, or text), of the web app's as
its lock file says. What is told otherwise, or not at all, is looked up by a person: `BY_HAND`.
"""

import json
import re
from collections.abc import Iterator
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-image.lock")
WEB_LOCK = "services/gateway/web/package-lock.json"

ALLOWED = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BlueOak-1.0.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC-BY-4.0",
        "CC0-1.0",
        "ISC",
        "MIT",
        "MIT-0",
        "MPL-2.0",  # of its own files, which we don't change
        "PSF-2.0",
        "Python-2.0",
        "Unlicense",
        "Zlib",
        "LGPL-3.0-only",  # psycopg: used as a library, replaceable, unchanged
    }
)
"""By their SPDX names. An `OR` is not weighed: both sides must be here, or a person decides."""

CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
BY_HAND = {
    "kubernetes-validate": "Apache-2.0",  # says "Apache"
    "protobuf": "BSD-3-Clause",  # says it in words
}
NAME = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)
SPDX = re.compile(r"[A-Za-z0-9.+-]+")


def objections() -> dict[str, str]:
    """The packages that may not be used as far as we know, and the licence they name."""
    told = {**dict(_of_python()), **dict(_of_the_web_app())}
    return {name: licence for name, licence in told.items() if not allowed(licence)}


def allowed(licence: str) -> bool:
    """Whether all that an SPDX expression names may be used; an empty one may not."""
    named = set(SPDX.findall(licence)) - {"AND", "OR"}
    return bool(named) and named <= ALLOWED


def _of_python() -> Iterator[tuple[str, str]]:
    """Of what is locked, as far as it is for this platform."""
    names = {name for lock in LOCKS for name in NAME.findall((ROOT / lock).read_text())}
    for name in sorted(names):
        try:
            yield name, BY_HAND.get(name) or licence_of(metadata(name))
        except PackageNotFoundError:
            continue


def licence_of(told: PackageMetadata) -> str:
    """As an SPDX expression, or as it is told."""
    expression = told.get("License-Expression")
    if expression:
        return expression
    marks = [one.rpartition(" :: ")[2] for one in told.get_all("Classifier") or []]
    known = [CLASSIFIERS[mark] for mark in marks if mark in CLASSIFIERS]
    unknown = [
        one
        for one in told.get_all("Classifier") or []
        if one.startswith("License :: ") and one.rpartition(" :: ")[2] not in CLASSIFIERS
    ]
    if known and not unknown:
        return " OR ".join(known)
    text = (told.get("License") or "").strip()
    return text if len(text.splitlines()) == 1 else ""


def _of_the_web_app() -> Iterator[tuple[str, str]]:
    packages: dict[str, dict[str, Any]] = json.loads((ROOT / WEB_LOCK).read_text())["packages"]
    for path, package in packages.items():
        if path:
            yield path.rpartition("node_modules/")[2], str(package.get("license", ""))
