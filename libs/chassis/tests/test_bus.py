"""The connection to a cluster of NATS servers: any of them will do, with the same credentials."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lingxi_chassis.bus import Link, connect
from lingxi_local.nats import NatsServer, RunningNats
from lingxi_local.ports import LOOPBACK, unused_port
from tests.fixtures.waiting import eventually

PASSWORDS = {"admin": "of the admin"}
URL_PASSWORD = "of%20the%20admin"
AWAY_SECONDS_MAX = 30.0


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[list[RunningNats]]:
    """Two servers that tell clients of each other."""
    routes = [unused_port() for _ in range(2)]
    with ExitStack() as stack:
        yield [
            stack.enter_context(_node(tmp_path / f"node {number}", number, routes))
            for number in range(len(routes))
        ]


def _node(folder: Path, number: int, routes: list[int]) -> RunningNats:
    folder.mkdir()
    others = [f"nats://{LOOPBACK}:{port}" for port in routes]
    cluster = {"name": "tests", "listen": f"{LOOPBACK}:{routes[number]}", "routes": others}
    # Nothing is stored: a pair would have no majority when one of them dies.
    more = {"server_name": f"node-{number}", "cluster": cluster}
    server = NatsServer(folder, unused_port(), PASSWORDS, (), more)
    return RunningNats(server, folder / "log")


def _url(node: RunningNats) -> str:
    return f"nats://admin:{URL_PASSWORD}@{LOOPBACK}:{node.server.port}"


async def test_it_goes_on_at_a_server_it_was_only_told_of(cluster: list[RunningNats]) -> None:
    known, other = cluster
    async with connect(_url(known), "chat") as client:
        await eventually(lambda: any(_is_at(one, other) for one in client.discovered_servers))
        known.kill()
        await eventually(lambda: _is_at(client.connected_url, other), AWAY_SECONDS_MAX)
        await client.flush()


async def test_it_begins_at_any_of_those_it_is_given(cluster: list[RunningNats]) -> None:
    gone, there = cluster
    gone.kill()
    async with connect(f"{_url(gone)},{_url(there)}", "chat") as client:
        assert _is_at(client.connected_url, there)


async def test_a_watcher_that_raises_keeps_nobody_from_going_on(cluster: list[RunningNats]) -> None:
    node, _ = cluster
    link, told = Link(), list[str]()

    def stumble() -> None:
        raise RuntimeError

    link.watch(stumble, stumble)
    link.watch(lambda: told.append("lost"), lambda: told.append("back"))
    async with connect(_url(node), "chat", link=link):
        node.kill()
        await eventually(lambda: told == ["lost", "back"], AWAY_SECONDS_MAX)


def _is_at(connected: object, node: RunningNats) -> bool:
    return getattr(connected, "port", None) == node.server.port
