"""The summarizer as a process and as its own NATS user."""

from pathlib import Path

from tests.fixtures.processes import starts_tells_a_lost_connection_and_stops


async def test_it_starts_is_ready_tells_a_lost_connection_and_stops(tmp_path: Path) -> None:
    await starts_tells_a_lost_connection_and_stops("summarizer", tmp_path)
