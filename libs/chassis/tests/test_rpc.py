"""Requests and answers on a real server: typed from end to end, and bounded at both."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, ClassVar

import pytest
from nats.aio.client import Client
from pydantic import Field, TypeAdapter

from lingxi_chassis import context, rpc
from lingxi_chassis.bus import connect
from lingxi_chassis.clock import monotonic
from lingxi_chassis.rpc import RpcClient, RpcServer, within_bytes
from lingxi_contracts.base import Answer, Request
from lingxi_contracts.errors import (
    AgentNameTaken,
    InvalidInput,
    Unavailable,
)
from tests.fixtures.waiting import eventually

LONG_SECONDS = 60.0
"""What takes half of it took this deadline, on however busy a machine."""


class Weight(Answer):
    grams: int
    note: str = ""


class Weigh(Request[Weight]):
    owner: ClassVar[str] = "shelf"
    name = "weigh"
    thing: str = Field(max_length=10)


@pytest.fixture
async def nats(nats_url: str) -> AsyncIterator[Client]:
    async with connect(nats_url, "shelf") as client:
        yield client


@pytest.fixture
async def server(nats: Client) -> AsyncIterator[RpcServer]:
    server = RpcServer(nats, "shelf")
    yield server
    await server.finish()


@pytest.fixture
async def client(nats_url: str) -> AsyncIterator[RpcClient]:
    async with connect(nats_url, "caller") as nats:
        yield RpcClient(nats)


def raising(error: Exception) -> Callable[[Weigh], Awaitable[Weight]]:
    async def handle(_: Weigh) -> Weight:
        raise error

    return handle


async def test_an_answer_is_of_its_type(server: RpcServer, client: RpcClient) -> None:
    """Guards the plain path, and the count that tests of a turn's cost rely on."""

    async def weigh(request: Weigh) -> Weight:
        return Weight(grams=len(request.thing))

    await server.serve(Weigh, weigh)
    assert await client.call(Weigh(thing="stone")) == Weight(grams=5)
    assert client.calls == 1


async def test_a_refusal_arrives_as_the_class_it_was(server: RpcServer, client: RpcClient) -> None:
    """Guards typed refusals, with their facts."""
    await server.serve(Weigh, raising(AgentNameTaken(name="stone", count=3)))
    with pytest.raises(AgentNameTaken) as refused:
        await client.call(Weigh(thing="stone"))
    assert refused.value.facts == {"name": "stone", "count": 3}
    assert str(refused.value) == AgentNameTaken().message


async def test_an_unfit_request_is_invalid_input(
    server: RpcServer, client: RpcClient, nats: Client
) -> None:
    """Guards the owner against its callers, and errors against telling what was sent."""
    await server.serve(Weigh, raising(AssertionError("not reached")))
    with pytest.raises(InvalidInput) as refused:
        await client.call(Weigh.model_construct(thing="secret text that is long"))
    [error] = refused.value.facts["errors"]
    assert error["loc"] == ["thing"]
    assert "secret" not in str(refused.value.facts)


async def test_a_validation_error_of_the_owner_is_not_the_callers(
    server: RpcServer, client: RpcClient
) -> None:
    """Guards the blame: a state that cannot be read is a fault of ours, not an invalid input."""

    async def broken(_: Weigh) -> Weight:
        return Weight(grams=TypeAdapter(int).validate_json("[]"))

    await server.serve(Weigh, broken)
    with pytest.raises(Unavailable):
        await client.call(Weigh(thing="stone"))


async def test_an_unexpected_exception_is_told_at_once(
    server: RpcServer, client: RpcClient
) -> None:
    """Guards waiting for nothing: the caller need not run into its deadline."""
    await server.serve(Weigh, raising(KeyError("stone")))
    began = monotonic()
    with pytest.raises(Unavailable):
        await client.call(Weigh(thing="stone"), LONG_SECONDS)
    assert monotonic() - began < LONG_SECONDS / 2


async def test_an_owner_that_is_being_restarted_is_waited_for(
    server: RpcServer, client: RpcClient
) -> None:
    """Guards the grace for requests that nobody takes."""

    async def weigh(_: Weigh) -> Weight:
        return Weight(grams=1)

    calling = asyncio.create_task(client.call(Weigh(thing="stone")))
    asyncio.get_running_loop().call_later(
        0.3, lambda: asyncio.ensure_future(server.serve(Weigh, weigh))
    )
    assert await calling == Weight(grams=1)


@pytest.mark.parametrize(
    ("timeout_seconds", "grace_seconds"), [(0.3, LONG_SECONDS), (LONG_SECONDS, 0.3)]
)
async def test_an_owner_that_stays_away_is_unavailable_in_time(
    client: RpcClient,
    monkeypatch: pytest.MonkeyPatch,
    timeout_seconds: float,
    grace_seconds: float,
) -> None:
    """Guards the caller's deadline, shorter and longer than the grace."""
    monkeypatch.setattr(rpc, "NO_RESPONDERS_GRACE_SECONDS", grace_seconds)
    began = monotonic()
    with pytest.raises(Unavailable):
        await client.call(Weigh(thing="stone"), timeout_seconds)
    assert monotonic() - began < LONG_SECONDS / 2


async def test_the_deadline_travels_and_ends_the_work(server: RpcServer, client: RpcClient) -> None:
    """Guards the owner against working for a caller that no longer waits."""
    cancelled = asyncio.Event()

    async def slow(_: Weigh) -> Weight:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return Weight(grams=0)

    await server.serve(Weigh, slow)
    with pytest.raises(Unavailable):
        await client.call(Weigh(thing="stone"), 0.3)
    async with asyncio.timeout(LONG_SECONDS):
        await cancelled.wait()


@pytest.mark.parametrize("header", ["", "soon", "-5", "٣", "9" * 400])
async def test_a_deadline_of_any_form_is_bounded(
    server: RpcServer, nats: Client, header: str
) -> None:
    """Guards the header: whatever it says, the request is answered and bounded."""

    async def weigh(_: Weigh) -> Weight:
        return Weight(grams=1)

    await server.serve(Weigh, weigh)
    headers = {rpc.DEADLINE_HEADER: header} if header else None
    reply = await nats.request("shelf.rpc.weigh", b'{"thing":"a"}', headers=headers)
    assert Weight.model_validate_json(reply.data) == Weight(grams=1)


async def test_an_answer_that_is_too_large_is_unavailable(
    server: RpcServer, client: RpcClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards the bound of answers: over a megabyte NATS would refuse it and the caller wait."""

    async def weigh(request: Weigh) -> Weight:
        size = rpc.ANSWER_BYTES_MAX if request.thing == "large" else 100
        return Weight(grams=1, note="x" * size)

    await server.serve(Weigh, weigh)
    began = monotonic()
    with pytest.raises(Unavailable):
        await client.call(Weigh(thing="large"), LONG_SECONDS)
    assert monotonic() - began < LONG_SECONDS / 2
    assert (await client.call(Weigh(thing="small"))).grams == 1


async def test_an_answer_of_another_shape_is_unavailable(client: RpcClient, nats: Client) -> None:
    """Guards versions that differ: the caller hears a refusal it knows, not a parser's error."""

    async def other(message: Any) -> None:
        await message.respond(b'{"kilos":1}')

    await nats.subscribe("shelf.rpc.weigh", cb=other)
    await nats.flush()
    with pytest.raises(Unavailable):
        await client.call(Weigh(thing="stone"))


async def test_work_at_once_is_bounded(
    server: RpcServer, client: RpcClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards overload: one too many is refused at once, and the others get their answers."""
    monkeypatch.setattr(rpc, "CALLS_AT_ONCE_MAX", 3)
    release = asyncio.Event()
    working = 0

    async def weigh(_: Weigh) -> Weight:
        nonlocal working
        working += 1
        await release.wait()
        return Weight(grams=1)

    await server.serve(Weigh, weigh)
    calls = [asyncio.create_task(client.call(Weigh(thing="stone"))) for _ in range(3)]
    await eventually(lambda: working == 3)
    with pytest.raises(Unavailable):
        await client.call(Weigh(thing="stone"))
    release.set()
    assert await asyncio.gather(*calls) == [Weight(grams=1)] * 3


async def test_the_correlation_id_goes_along(server: RpcServer, client: RpcClient) -> None:
    """Guards one id from the first request to the last, and that requests do not share it."""
    seen: list[str] = []

    async def weigh(_: Weigh) -> Weight:
        seen.append(context.correlation_id())
        return Weight(grams=1)

    async def call(correlation: str) -> None:
        context.begin(correlation)
        await client.call(Weigh(thing="stone"))

    await server.serve(Weigh, weigh)
    await asyncio.gather(*(asyncio.create_task(call(f"id {n}")) for n in range(5)))
    assert sorted(seen) == [f"id {n}" for n in range(5)]


async def test_a_caller_that_went_away_harms_nobody(
    server: RpcServer, client: RpcClient, nats_url: str
) -> None:
    """Guards the owner: the work is done, its answer goes nowhere, the next one is answered."""
    started, release = asyncio.Event(), asyncio.Event()
    done: list[str] = []

    async def weigh(request: Weigh) -> Weight:
        started.set()
        if request.thing == "slow":
            await release.wait()
        done.append(request.thing)
        return Weight(grams=1)

    await server.serve(Weigh, weigh)
    async with connect(nats_url, "leaver") as leaver:
        calling = asyncio.create_task(RpcClient(leaver).call(Weigh(thing="slow")))
        await started.wait()
        calling.cancel()
    release.set()
    await eventually(lambda: done == ["slow"])
    assert await client.call(Weigh(thing="next")) == Weight(grams=1)


async def test_a_message_without_a_reply_subject_harms_nobody(
    server: RpcServer, client: RpcClient, nats: Client
) -> None:
    """Guards against a plain publish on a request's subject, fit and unfit."""
    done = 0

    async def weigh(_: Weigh) -> Weight:
        nonlocal done
        done += 1
        return Weight(grams=1)

    await server.serve(Weigh, weigh)
    await nats.publish("shelf.rpc.weigh", b'{"thing":"a"}')
    await nats.publish("shelf.rpc.weigh", b"unfit")
    await nats.flush()
    assert await client.call(Weigh(thing="next")) == Weight(grams=1)
    assert done == 2


async def test_finish_answers_what_is_under_way(nats: Client, client: RpcClient) -> None:
    """Guards graceful stops: requests taken are answered, later ones are not taken."""
    server = RpcServer(nats, "shelf")
    started, release = asyncio.Event(), asyncio.Event()

    async def weigh(_: Weigh) -> Weight:
        started.set()
        await release.wait()
        return Weight(grams=1)

    await server.serve(Weigh, weigh)
    calling = asyncio.create_task(client.call(Weigh(thing="stone")))
    await started.wait()
    finishing = asyncio.create_task(server.finish())
    asyncio.get_running_loop().call_later(0.1, release.set)
    assert await calling == Weight(grams=1)
    await finishing
    with pytest.raises(Unavailable):
        await client.call(Weigh(thing="late"), 0.2)


async def test_replicas_share_the_requests(nats: Client, nats_url: str, client: RpcClient) -> None:
    """Guards the queue group: one replica answers each request, and each gets some."""
    by: dict[str, int] = {"one": 0, "two": 0}

    def counting(replica: str) -> Callable[[Weigh], Awaitable[Weight]]:
        async def weigh(_: Weigh) -> Weight:
            by[replica] += 1
            return Weight(grams=1)

        return weigh

    async with connect(nats_url, "shelf") as other:
        one, two = RpcServer(nats, "shelf"), RpcServer(other, "shelf")
        await one.serve(Weigh, counting("one"))
        await two.serve(Weigh, counting("two"))
        await asyncio.gather(nats.flush(), other.flush())
        await asyncio.gather(*(client.call(Weigh(thing=str(n))) for n in range(60)))
        await asyncio.gather(one.finish(), two.finish())
    assert sum(by.values()) == 60
    assert min(by.values()) > 0


def test_a_page_ends_at_its_byte_bound_and_always_moves_on() -> None:
    """Guards pages: never over the bound but for a single item, never empty."""
    assert within_bytes([3, 3, 3], lambda size: size, 7) == [3, 3]
    assert within_bytes([9, 3], lambda size: size, 7) == [9]
    assert within_bytes([3, 4], lambda size: size, 7) == [3, 4]
    assert within_bytes(list[int](), lambda size: size, 7) == []
