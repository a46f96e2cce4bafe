"""Whether a service's database is behind its migrations, told without starting the service.

Starting Python and Alembic takes about a second a service; this takes milliseconds. Anything
unusual counts as behind: the service's own `migrate` then decides.
"""

import importlib.util
import re
from pathlib import Path

import psycopg

_REVISION = re.compile(r"^revision\b[^=]*=\s*[\"'](\w+)[\"']", re.MULTILINE)
_FOLLOWS = re.compile(r"^down_revision\b[^=]*=\s*[\"'](\w+)[\"']", re.MULTILINE)


def is_behind(module: str, database_url: str) -> bool:
    """Whether `python -m <module> migrate` has something to do."""
    newest = _newest(_versions(module))
    if len(newest) != 1:
        return True
    try:
        with psycopg.connect(database_url) as connection:
            rows = connection.execute("select version_num from alembic_version").fetchall()
    except psycopg.Error:
        return True
    return {row[0] for row in rows} != newest


def _versions(module: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return Path("/nonexistent")
    return Path(spec.origin).parent / "migrations" / "versions"


def _newest(versions: Path) -> set[str]:
    """The revisions that no other one follows."""
    texts = [path.read_text() for path in sorted(versions.glob("*.py"))]
    made = {match for text in texts for match in _REVISION.findall(text)}
    followed = {match for text in texts for match in _FOLLOWS.findall(text)}
    return made - followed
