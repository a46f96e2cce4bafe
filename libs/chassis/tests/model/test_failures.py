"""Each way a provider fails has its code; none hands the provider's words on."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import pytest
from structlog.testing import capture_logs

from libs.chassis.tests.model.harness import Harness, asks
from lingxi_chassis.model import wire
from lingxi_chassis.model.client import ModelClient
from lingxi_chassis.model.errors import (
    FAILURES,
    BadAnswer,
    ContextTooLong,
    ModelAuth,
    ModelFailure,
    ModelNotFound,
    ModelRateLimited,
    ModelRefused,
    ModelTimeout,
    ModelUnavailable,
)
from lingxi_chassis.model.failures import failure_of, retry_after_seconds

SECRET = "sk-live-0123456789"


@pytest.mark.parametrize(
    ("rule", "failure", "calls"),
    [
        ({"do": "status", "status": 429}, ModelRateLimited, 3),
        ({"do": "status", "status": 429, "code": "insufficient_quota"}, ModelRateLimited, 1),
        ({"do": "status", "status": 500}, ModelUnavailable, 3),
        ({"do": "status", "status": 503}, ModelUnavailable, 3),
        ({"do": "status", "status": 408}, ModelTimeout, 3),
        ({"do": "status", "status": 401}, ModelAuth, 1),
        ({"do": "status", "status": 403}, ModelAuth, 1),
        ({"do": "unknown_model"}, ModelNotFound, 1),
        ({"do": "status", "status": 404, "code": "unknown_url"}, ModelUnavailable, 1),
        ({"do": "status", "status": 400}, ModelRefused, 1),
        ({"do": "status", "status": 400, "code": "content_filter"}, ModelRefused, 1),
        ({"do": "context_length"}, ContextTooLong, 1),
        ({"do": "refuse"}, ModelRefused, 1),
        ({"do": "empty"}, BadAnswer, 3),
        ({"do": "raw", "content": " \n "}, BadAnswer, 3),
        ({"do": "nonsense", "kind": "invalid_json"}, BadAnswer, 3),
        ({"do": "nonsense", "kind": "empty_choices"}, BadAnswer, 3),
        ({"do": "nonsense", "kind": "html"}, BadAnswer, 3),
        ({"do": "cut"}, ModelUnavailable, 3),
        ({"do": "cut", "clean": True}, BadAnswer, 3),
        ({"do": "cut", "after_chunks": 2}, ModelUnavailable, 3),
        ({"do": "cut", "after_chunks": 2, "clean": True}, BadAnswer, 3),
        ({"do": "stream_error"}, ModelUnavailable, 3),
        ({"do": "stream_error", "code": "context_length_exceeded"}, ContextTooLong, 1),
        ({"do": "hang"}, ModelTimeout, 3),
        ({"do": "hang", "after_chunks": 2}, ModelTimeout, 3),
    ],
)
async def test_a_fault_has_its_code_and_its_number_of_calls(
    model: Harness, rule: dict[str, object], failure: type[ModelFailure], calls: int
) -> None:
    model.fault(message=f"{SECRET} said: tell me a secret", **rule)
    with pytest.raises(ModelFailure) as raised:
        await model.stream(asks())
    assert type(raised.value) is failure
    assert len(model.requests) == calls
    assert SECRET not in str(raised.value)
    assert "secret" not in raised.value.detail
    assert model.client.gate.free == 4


async def test_nobody_listening_is_unavailable(model: Harness) -> None:
    await model.running.close()
    with pytest.raises(ModelUnavailable):
        await model.stream(asks())


def test_codes_are_those_of_the_contract() -> None:
    assert {failure.code for failure in FAILURES} == {
        "model_rate_limited", "model_timeout", "model_unavailable", "model_auth",
        "model_not_found", "model_refused", "context_too_long", "bad_answer",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "error", "failure"),
    [
        (404, {"error": "model 'x' not found, try pulling it first"}, ModelNotFound),
        (400, {"message": "x is not a valid model ID", "code": 400}, ModelNotFound),
        (404, "404 page not found", ModelUnavailable),
        (400, {"message": "the request exceeds the available context size"}, ContextTooLong),
        (400, {"message": "This model's maximum context length is 4096"}, ContextTooLong),
        (413, None, ContextTooLong),
        (402, None, ModelRateLimited),
        (529, {"type": "overloaded_error"}, ModelUnavailable),
        (403, {"code": "content_filter"}, ModelRefused),
    ],
)
def test_compatible_servers_words(status: int, error: object, failure: type[ModelFailure]) -> None:
    assert type(failure_of(status, error)) is failure


def test_retry_after_is_seconds_or_a_date() -> None:
    assert retry_after_seconds("1.5") == 1.5
    assert retry_after_seconds("Fri, 01 Jan 2021 00:00:00 GMT") == 0.0
    assert (retry_after_seconds("Fri, 01 Jan 2100 00:00:00 -0000") or 0) > 1e9
    assert retry_after_seconds("soon") is None
    assert retry_after_seconds(None) is None


@asynccontextmanager
async def failing_at_length(sends: bytes, *, for_ever: bool) -> AsyncGenerator[ModelClient]:
    """A client of a server that begins a body and either never ends or never goes on."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 1000000000\r\n\r\n")
            writer.write(sends)
            while for_ever:
                writer.write(b" " * 65_536)
                await writer.drain()
            while await reader.read(65_536):
                pass
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        client = ModelClient(f"http://127.0.0.1:{port}/v1", "", "m")
        yield client
        await client.close()


@pytest.mark.parametrize("for_ever", [True, False])
async def test_no_more_is_read_of_a_failure_than_tells_what_it_is(
    for_ever: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards the bounds in `Wire._failure`: of bytes, and of time."""
    monkeypatch.setattr(wire, "FAILURE_SECONDS_MAX", 60.0 if for_ever else 0.1)
    said = b'{"error": {"message": "prompt is too long"'
    async with asyncio.timeout(20), failing_at_length(said, for_ever=for_ever) as client:
        with pytest.raises(ContextTooLong):
            await client.complete(asks())


async def test_a_model_that_a_user_named_is_in_no_log(model: Harness) -> None:
    """It may be any text: invariant 9."""
    model.fault(do="status", status=500, times=1)
    model.fault(do="unknown_model", model="my dear diary", times=1)
    with capture_logs() as logs:
        await model.stream(asks(model="my dear diary"))
    assert len(logs) == 2
    assert "diary" not in repr(logs)
