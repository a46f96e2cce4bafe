"""How a database stands to a service's migrations, told without Alembic: that takes milliseconds.

A revision that is not among ours is of a newer release. Its tables are ours with more: migrations
only expand, and the last release's services run on them (docs/upgrades.md).
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog
from psycopg.errors import UndefinedTable

from lingxi_chassis.postgres import Pool, fetch_one
from lingxi_contracts.errors import Unavailable

LOOK_SECONDS = 1.0
QUERY = "select version_num from alembic_version"

_REVISION = re.compile(r"^revision\b[^=]*=\s*[\"'](\w+)[\"']", re.MULTILINE)
_FOLLOWS = re.compile(r"^down_revision\b[^=]*=\s*[\"'](\w+)[\"']", re.MULTILINE)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Revisions:
    """Those that a service's code knows, and the one that no other follows."""

    known: frozenset[str]
    newest: str | None

    def is_newer(self, revision: str | None) -> bool:
        """Whether a database is of a newer release."""
        return revision is not None and revision not in self.known

    def is_behind(self, revision: str | None) -> bool:
        """Whether a database has yet to be migrated; None: it never was."""
        return revision != self.newest and not self.is_newer(revision)


def read_revisions(versions: Path) -> Revisions:
    """What is in a folder of migrations. Raises ValueError: they have several ends."""
    texts = [path.read_text() for path in sorted(versions.glob("*.py"))]
    known = frozenset(match for text in texts for match in _REVISION.findall(text))
    followed = {match for text in texts for match in _FOLLOWS.findall(text)}
    ends = sorted(known - followed)
    if len(ends) > 1:
        raise ValueError(f"several newest revisions in {versions}: {', '.join(ends)}")
    return Revisions(known, ends[0] if ends else None)


async def wait_until_migrated(pool: Pool, versions: Path, tell: Callable[[str], None]) -> None:
    """Until the tables are those of this release or of a newer one; `tell` hears why not yet."""
    revisions = read_revisions(versions)
    told = ""
    while True:
        try:
            now = await _revision(pool)
        except Unavailable:
            why = "away"
        else:
            if not revisions.is_behind(now):
                if revisions.is_newer(now):
                    log.warning("database_newer", revision=now, newest_known=revisions.newest)
                return
            why = f"to be migrated from {now} to {revisions.newest}"
        if why != told:
            tell(why)
            log.warning("database_waited_for", reason=why)
            told = why
        await asyncio.sleep(LOOK_SECONDS)


async def _revision(pool: Pool) -> str | None:
    try:
        row = await fetch_one(pool, QUERY, {})
    except UndefinedTable:
        return None
    return row[0] if row else None
