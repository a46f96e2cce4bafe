"""Whether a service's database is behind its migrations, told without starting the service.

Starting Python and Alembic takes about a second a service; this takes milliseconds. Anything
unusual counts as behind: the service's own `migrate` then decides.
"""

import importlib.util
from pathlib import Path

import psycopg

from lingxi_chassis.revisions import QUERY, read_revisions


def is_behind(module: str, database_url: str) -> bool:
    """Whether `python -m <module> migrate` has something to do, or to say."""
    try:
        revisions = read_revisions(_versions(module))
        with psycopg.connect(database_url) as connection:
            rows = connection.execute(QUERY).fetchall()
    except (psycopg.Error, ValueError):
        return True
    return [row[0] for row in rows] != [revisions.newest]


def _versions(module: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return Path("/nonexistent")
    return Path(spec.origin).parent / "migrations" / "versions"
