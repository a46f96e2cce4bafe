"""The connection to a cluster of NATS servers: any of them will do, with the same credentials."""

from lingxi_chassis.bus import Link, connect
from lingxi_local.nats import RunningNats
from tests.fixtures.clusters import url_of
from tests.fixtures.waiting import eventually

AWAY_SECONDS_MAX = 30.0


async def test_it_goes_on_at_a_server_it_was_only_told_of(nats_cluster: list[RunningNats]) -> None:
    known, other = nats_cluster
    async with connect(url_of(known), "chat") as client:
        await eventually(lambda: any(_is_at(one, other) for one in client.discovered_servers))
        known.kill()
        await eventually(lambda: _is_at(client.connected_url, other), AWAY_SECONDS_MAX)
        await client.flush()


async def test_it_begins_at_any_of_those_it_is_given(nats_cluster: list[RunningNats]) -> None:
    gone, there = nats_cluster
    gone.kill()
    async with connect(f"{url_of(gone)},{url_of(there)}", "chat") as client:
        assert _is_at(client.connected_url, there)


async def test_a_watcher_that_raises_keeps_nobody_from_going_on(
    nats_cluster: list[RunningNats],
) -> None:
    node, _ = nats_cluster
    link, told = Link(), list[str]()

    def stumble() -> None:
        raise RuntimeError

    link.watch(stumble, stumble)
    link.watch(lambda: told.append("lost"), lambda: told.append("back"))
    async with connect(url_of(node), "chat", link=link):
        node.kill()
        await eventually(lambda: told == ["lost", "back"], AWAY_SECONDS_MAX)


def _is_at(connected: object, node: RunningNats) -> bool:
    return getattr(connected, "port", None) == node.server.port
