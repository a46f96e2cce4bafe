"""What a release promised: its tables, and the shapes of its events and requests, in files.

`python -m tests.upgrades.released` writes them for the version in pyproject.toml, at a release; a
version that is there is never written again.
"""

import importlib
import json
import pkgutil
import sys
import tomllib
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import Script, ScriptDirectory
from pydantic import BaseModel

import lingxi_contracts
from libs.contracts.tests.golden import KINDS, example
from lingxi_contracts.base import Event, Request
from lingxi_contracts.subjects import rpc_subject

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent / "releases"
OWNERS = ("agent", "chat", "gateway", "scheduler")
CONTRACTS = "contracts.json"

type Shape = dict[str, Any]
"""The JSON schema of a thing as it is read, and examples of it: `full` and `required`."""


def newest() -> Path:
    """The folder of the last release."""
    return max(FOLDER.iterdir(), key=lambda one: [int(part) for part in one.name.split(".")])


def models() -> dict[str, type[BaseModel]]:
    """Everything that crosses a process boundary, by its name on the wire."""
    found: dict[str, type[BaseModel]] = {}
    for module in pkgutil.walk_packages(lingxi_contracts.__path__, "lingxi_contracts."):
        things: dict[str, Any] = vars(importlib.import_module(module.name))
        for thing in things.values():
            kinds = getattr(thing, "__mro__", ())
            if Event in kinds and hasattr(thing, "tag"):
                found[f"event {thing.tag}"] = thing
            if Request in kinds and hasattr(thing, "name"):
                subject = rpc_subject(thing, thing.owner or "any")
                found[f"request {subject}"] = thing
                found[f"answer {subject}"] = thing.answer_type()
    return found


def shape_of(model: type[BaseModel]) -> Shape:
    """What is kept of a model."""
    return {
        "schema": model.model_json_schema(),
        **{kind: example(model, kind) for kind in KINDS},
    }


def revisions(owner: str) -> Iterator[Script]:
    """An owner's migrations, the first one first."""
    versions = ROOT / f"services/{owner}/lingxi_{owner}/migrations/versions"
    environment = ROOT / "libs/chassis/lingxi_chassis/alembic_environment"
    directory = ScriptDirectory(str(environment), version_locations=[str(versions)])
    yield from reversed(list(directory.walk_revisions()))


def statements_of(revision: Script) -> str:
    """The SQL of one migration."""
    written_down = StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": written_down}
    )
    with Operations.context(context):
        revision.module.upgrade()
    return written_down.getvalue()


def tables(owner: str) -> str:
    """The SQL of all migrations of an owner, with the mark of the last one."""
    parts: list[str] = []
    last = ""
    for revision in revisions(owner):
        parts.append(f"-- {revision.revision}\n{statements_of(revision)}")
        last = revision.revision
    parts.append(
        "create table alembic_version (version_num varchar(32) not null,"
        " constraint alembic_version_pkc primary key (version_num));\n"
        f"insert into alembic_version values ('{last}');\n"
    )
    return "\n".join("\n".join(line.rstrip() for line in part.splitlines()) for part in parts)


def main() -> None:
    """Write the files of the version that is being released."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    folder = FOLDER / version
    if folder.exists():
        sys.exit(f"{version} is written already")
    folder.mkdir(parents=True)
    for owner in OWNERS:
        (folder / f"{owner}.sql").write_text(tables(owner) + "\n")
    shapes = {name: shape_of(model) for name, model in sorted(models().items())}
    (folder / CONTRACTS).write_text(json.dumps(shapes, ensure_ascii=False, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
