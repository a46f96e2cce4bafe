"""Backup and restore, by Postgres' own programs on a real server."""

import re
import subprocess
from pathlib import Path

import psycopg
import pytest

from deploy.compose.tests.conftest import Installation
from lingxi_chassis.migrations import migrate
from lingxi_compose.backups import PARTIAL, backup, restore
from lingxi_compose.choices import Refused
from lingxi_local.databases import OWNERS
from lingxi_local.migrations import is_behind
from tests.upgrades.released import ROOT

RELEASED = ROOT / "tests/upgrades/releases/0.1.0"
EVENT = """
    insert into events (event_id, stream_id, version, type, user_id, occurred_at, data)
    select gen_random_uuid(), id, 1, %(type)s, id, now(), '{}' from gen_random_uuid() id
    returning event_id"""


def an_earlier_release(owner: str) -> str:
    """The tables of 0.1.0 without what its last revision added."""
    *revisions, last = re.split(r"(?m)^-- (?=\d{4}$)", (RELEASED / f"{owner}.sql").read_text())
    version = revisions[-1].partition("\n")[0]
    _, _, ledger = last.partition("create table alembic_version")
    told = re.sub(r"values \('\d+'\)", f"values ('{version}')", ledger)
    return "-- ".join(revisions) + f"create table alembic_version{told}"


@pytest.fixture
def filled(installation: Installation) -> Installation:
    """One of an earlier release, without data."""
    installation.make_databases()
    for owner in OWNERS:
        with psycopg.connect(installation.url(owner), autocommit=True) as connection:
            connection.execute(an_earlier_release(owner).encode())
    return installation


def migrate_each(of: Installation) -> None:
    """As every `up` does."""
    for owner in OWNERS:
        migrate(of.url(owner), ROOT / f"services/{owner}/lingxi_{owner}/migrations/versions")


def say_something(of: Installation) -> dict[str, str]:
    """An event of each owner, by its id."""
    said: dict[str, str] = {}
    for owner in OWNERS:
        with psycopg.connect(of.url(owner)) as connection:
            (event_id,) = connection.execute(EVENT, {"type": "x.v1"}).fetchone() or ("",)
            said[owner] = str(event_id)
    return said


def heard(of: Installation) -> dict[str, str]:
    """All events there are, one an owner."""
    found: dict[str, str] = {}
    for owner in OWNERS:
        with psycopg.connect(of.url(owner)) as connection:
            found[owner] = ",".join(
                str(row[0]) for row in connection.execute("select event_id from events")
            )
    return found


def test_a_backup_of_an_earlier_release_is_restored_and_upgraded(
    filled: Installation, tmp_path: Path
) -> None:
    """Guards backups through upgrades: what today's migrations made is not in the dump's way."""
    said = say_something(filled)
    folder = backup(filled.env, tmp_path / "backup")
    assert {path.name for path in folder.iterdir()} == {f"{owner}.dump" for owner in OWNERS}
    filled.drop_databases()
    filled.make_databases()
    migrate_each(filled)
    restore(filled.env, folder)
    assert heard(filled) == said
    assert all(is_behind(f"lingxi_{owner}", filled.url(owner)) for owner in OWNERS)
    migrate_each(filled)
    assert heard(filled) == said
    assert say_something(filled).keys() == said.keys()


def test_what_is_there_is_not_overwritten(filled: Installation, tmp_path: Path) -> None:
    folder = backup(filled.env, tmp_path / "backup")
    said = say_something(filled)
    with pytest.raises(Refused, match="there are events already"):
        restore(filled.env, folder)
    with pytest.raises(Refused, match=r"chat, scheduler: running"):
        restore({**filled.env, "RUNNING": "scheduler\npostgres\nchat"}, folder)
    assert heard(filled) == said


def test_a_backup_that_breaks_off_is_none(filled: Installation, tmp_path: Path) -> None:
    says = '#!/bin/bash\necho half\n[ "${@: -1}" != lingxi_agent ]\n'
    filled.break_tool("pg_dump", says)
    with pytest.raises(subprocess.CalledProcessError):
        backup(filled.env, tmp_path / "backup")
    broken = tmp_path / f"backup{PARTIAL}"
    assert [path.name for path in tmp_path.glob("backup*")] == [broken.name]
    for owner in OWNERS:  # as if it had been broken off at the very end
        (broken / f"{owner}.dump").touch()
    for folder in (broken, tmp_path):
        with pytest.raises(Refused, match="no backup in"):
            restore(filled.env, folder)


def test_a_restore_that_fails_can_be_repeated(filled: Installation, tmp_path: Path) -> None:
    """Guards the refusal above: what a broken restore left is not taken for data."""
    said = say_something(filled)
    folder = backup(filled.env, tmp_path / "backup")
    whole = (folder / "gateway.dump").read_bytes()
    (folder / "gateway.dump").write_bytes(whole[: len(whole) // 2])
    filled.drop_databases()
    with pytest.raises(subprocess.CalledProcessError):
        restore(filled.env, folder)
    (folder / "gateway.dump").write_bytes(whole)
    restore(filled.env, folder)
    assert heard(filled) == said
