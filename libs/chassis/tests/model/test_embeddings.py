"""Embeddings: asked once, of length one, in the order of the texts, and failures as such."""

import asyncio
from collections.abc import AsyncGenerator

import httpx
import orjson
import pytest
import pytest_asyncio

from lingxi_chassis.model.embedding_client import EmbeddingClient
from lingxi_chassis.model.embeddings import vectors_in
from lingxi_chassis.model.errors import BadAnswer, ModelFailure, ModelTimeout
from lingxi_chassis.model.messages import Priority
from lingxi_simulator.server import Running, start
from tests.fixtures.waiting import eventually

SECONDS = 5.0


@pytest_asyncio.fixture
async def simulator() -> AsyncGenerator[Running]:
    running = await start()
    yield running
    await running.close()


@pytest_asyncio.fixture
async def client(simulator: Running) -> AsyncGenerator[EmbeddingClient]:
    client = EmbeddingClient(simulator.base_url, "none", "simulated", 1)
    yield client
    await client.close()


async def fault(simulator: Running, do: str, **rule: object) -> None:
    async with httpx.AsyncClient(base_url=simulator.url, trust_env=False) as http:
        told = await http.post("/faults", json=[{"do": do, "path": "embeddings", **rule}])
        assert told.status_code == 201, told.text


async def test_alike_texts_have_near_vectors(client: EmbeddingClient) -> None:
    texts = ["a lighthouse in Zanzibar", "我的猫叫雪球", "the lighthouses of Zanzibar"]
    vectors = await client.embed(texts, Priority.BACKGROUND, SECONDS)
    one, cat, other = [vector or [] for vector in vectors]
    assert sum(value * value for value in one) == pytest.approx(1)

    def likeness(a: object, b: object) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True))  # type: ignore[call-overload]

    assert likeness(one, other) > 0.5 > likeness(one, cat)


async def test_it_does_not_wait_longer_than_told(
    client: EmbeddingClient, simulator: Running
) -> None:
    await fault(simulator, "hang", seconds=SECONDS)
    with pytest.raises(ModelTimeout):
        await client.embed(["text"], Priority.REPLY, 0.05)


async def test_who_cannot_wait_waits_for_no_background_work(
    client: EmbeddingClient, simulator: Running
) -> None:
    await fault(simulator, "hang", times=1)
    at_leisure = asyncio.create_task(client.embed(["text"], Priority.BACKGROUND, SECONDS))
    await eventually(lambda: bool(simulator.simulator.journal.since(0)["requests"]))
    assert len(await client.embed(["text"], Priority.REPLY, SECONDS / 2)) == 1
    at_leisure.cancel()


async def test_a_failure_is_told_at_once(client: EmbeddingClient, simulator: Running) -> None:
    await fault(simulator, "status", status=503)
    with pytest.raises(ModelFailure):
        await client.embed(["text"], Priority.REPLY, SECONDS)


@pytest.mark.parametrize(
    "told",
    [
        b"<html>",
        b"{}",
        b'{"data": []}',
        b'{"data": [{"index": 0, "embedding": []}]}',
        b'{"data": [{"index": 0, "embedding": "AAAA"}]}',
        b'{"data": [{"index": 0, "embedding": [1]}, {"index": 1, "embedding": [1]}]}',
    ],
)
def test_what_is_no_answer_is_refused(told: bytes) -> None:
    with pytest.raises(BadAnswer):
        vectors_in(told, 1)


def test_vectors_come_in_the_order_of_the_texts_and_of_length_one() -> None:
    data = [{"index": 1, "embedding": [0.0, 0]}, {"index": 0, "embedding": [3.0, 4]}]
    assert vectors_in(orjson.dumps({"data": data}), 2) == [[0.6, 0.8], None]
