"""The scheduler as a process and as its own NATS user."""

from pathlib import Path

from lingxi_scheduler import bootstrap
from lingxi_scheduler.settings import Settings
from tests.fixtures.processes import starts_tells_a_lost_connection_and_stops


async def test_it_starts_is_ready_tells_a_lost_connection_and_stops(
    tmp_path: Path, database_url: str
) -> None:
    settings = {"NATS_URL": "nats://unused", "DATABASE_URL": database_url}
    bootstrap.migrate(Settings.model_validate({"LINGXI_INTERNAL_PORT": 0, **settings}))
    await starts_tells_a_lost_connection_and_stops("scheduler", tmp_path, DATABASE_URL=database_url)
