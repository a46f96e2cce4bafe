"""What a turn and a page cost, counted on running services, is what `baseline.json` says."""

import asyncio
from collections.abc import Callable
from uuid import UUID

import pytest

from benchmarks.client import Client
from benchmarks.costs import compare, count_costs, only_one_bubble, read_baseline
from benchmarks.counting import Counted, counting
from benchmarks.in_process import Places, running
from benchmarks.loading import Wanted, load_sessions, rebuild
from benchmarks.turns import register, say
from lingxi_simulator.server import start as start_simulator

LONG = 1_000


async def test_costs_are_those_recorded_whatever_the_length_of_a_session(
    new_database: Callable[[], str], nats_url: str
) -> None:
    services = ("agent", "chat", "gateway")
    simulator = await start_simulator()
    places = Places(
        databases={service: new_database() for service in services},
        nats=dict.fromkeys(services, nats_url),
        nats_admin_url=nats_url,
        model={"OPENAI_BASE_URL": simulator.base_url, "OPENAI_MODEL": "simulated"},
    )
    try:
        async with (
            running(places) as port,
            counting(nats_url) as counter,
            Client("127.0.0.1", port) as client,
            Client("127.0.0.1", simulator.port) as of_simulator,
        ):
            await only_one_bubble(of_simulator)
            await register(client, "counted")
            wanted = await talker(client)
            (session_id,) = await load_sessions(places.databases["chat"], [wanted])
            await rebuild(places.databases["chat"])
            async with asyncio.timeout(120):
                costs = await count_costs(counter, client, {LONG: str(session_id)})
    finally:
        await simulator.close()

    baseline = read_baseline()
    assert set(costs) <= set(baseline)
    assert compare(costs, baseline) == []
    assert costs[f"turn after {LONG:,} messages"] == costs["turn"]
    assert costs[f"page amid {LONG:,} messages"] == costs["page of messages"]


@pytest.mark.parametrize(
    ("statements", "says"), [(3, ["record it"]), (4, []), (5, ["that is a step back"])]
)
def test_a_number_that_rose_or_fell_is_told(statements: int, says: list[str]) -> None:
    counted = {"turn": Counted(statements, 2, 2, 5), "new": Counted(1, 1, 1, 1)}

    told = compare(counted, {"turn": Counted(4, 2, 2, 5)})

    assert [sentence.split(": ")[1].removesuffix(" (--record)") for sentence in told] == says


async def talker(client: Client) -> Wanted:
    """A conversation of the client's user, to be written."""
    session_id, _ = await say(client, None)
    _, me = await client.request("GET", "/api/me/")
    _, session = await client.request("GET", f"/api/sessions/{session_id}/")
    return Wanted(UUID(me["id"]), UUID(session["agent_configuration"]), LONG)
