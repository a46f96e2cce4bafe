"""Typed request/reply over core NATS: commands and questions to the one owner.

A request goes to `<owner>.rpc.<name>`, queue group = owner, so one replica answers. A refusal is an
answer and is raised again at the caller, as the class it was. Anything that keeps the caller from
an answer within its deadline is `Unavailable`; the outcome is then unknown, and commands carry
ids that make a repeat harmless.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, cast

import orjson
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from pydantic import ValidationError

from lingxi_chassis import context
from lingxi_contracts.base import Answer, Request
from lingxi_contracts.errors import InvalidInput, Refusal, Unavailable
from lingxi_contracts.subjects import rpc_subject

ANSWER_BYTES_MAX = 512 * 1024
TIMEOUT_SECONDS = 5.0
NO_RESPONDERS_GRACE_SECONDS = 2.0
"""How long a request nobody took is offered again: an owner is being restarted."""
NO_RESPONDERS_PAUSE_SECONDS = 0.05
CALLS_AT_ONCE_MAX = 256
DEADLINE_HEADER = "Lingxi-Timeout-Ms"
REFUSAL_HEADER = "Lingxi-Refusal"

log = structlog.get_logger(__name__)


class RpcClient:
    """Asks owners. Counts its calls, for tests of what a turn costs."""

    def __init__(self, nats: Client) -> None:
        self._nats = nats
        self.calls = 0

    async def call[A: Answer](
        self, request: Request[A], timeout_seconds: float = TIMEOUT_SECONDS
    ) -> A:
        """The owner's answer.

        Raises:
            Refusal: the owner's own class.
            Unavailable: no answer in time; whether the command took effect is unknown.
        """
        self.calls += 1
        headers = {
            context.CORRELATION_HEADER: context.correlation_id(),
            DEADLINE_HEADER: str(int(timeout_seconds * 1000)),
        }
        payload = request.model_dump_json().encode()
        reply = await self._ask(rpc_subject(request), payload, timeout_seconds, headers)
        if reply.headers and REFUSAL_HEADER in reply.headers:
            raise _refusal(reply.data)
        return request.answer_type().model_validate_json(reply.data)

    async def _ask(
        self, subject: str, payload: bytes, timeout_seconds: float, headers: dict[str, str]
    ) -> Msg:
        loop = asyncio.get_running_loop()
        give_up = loop.time() + min(NO_RESPONDERS_GRACE_SECONDS, timeout_seconds)
        while True:
            try:
                return await self._nats.request(subject, payload, timeout_seconds, headers=headers)
            except NoRespondersError as error:
                if loop.time() >= give_up:
                    raise Unavailable from error
                await asyncio.sleep(NO_RESPONDERS_PAUSE_SECONDS)
            except (NatsError, TimeoutError) as error:
                raise Unavailable from error


class RpcServer:
    """Answers an owner's requests, each in a task of its own, at most `CALLS_AT_ONCE_MAX`."""

    def __init__(self, nats: Client, owner: str) -> None:
        self._nats = nats
        self._owner = owner
        self._running: set[asyncio.Task[None]] = set()
        self._subscriptions: list[Subscription] = []

    async def serve[R: Request[Any], A: Answer](
        self, request_type: type[R], handler: Callable[[R], Awaitable[A]]
    ) -> None:
        """Answer every request of one type."""
        handle = cast("Callable[[Any], Awaitable[Answer]]", handler)

        async def received(message: Msg) -> None:
            if len(self._running) >= CALLS_AT_ONCE_MAX:
                await _refuse(self._nats, message, Unavailable())
                return
            task = asyncio.create_task(_answer(self._nats, message, request_type, handle))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

        subject = rpc_subject(request_type)
        subscription = await self._nats.subscribe(subject, queue=self._owner, cb=received)
        self._subscriptions.append(subscription)

    async def trouble(self) -> str | None:
        """For `Health.add`: whether requests are heard at all."""
        return None if self._subscriptions else "serves no request yet"

    async def finish(self) -> None:
        """Take no more requests, and wait for the answers under way."""
        for subscription in self._subscriptions:
            with suppress(NatsError, TimeoutError):
                await subscription.drain()
        if self._running:
            await asyncio.wait(self._running)


async def _answer(
    nats: Client,
    message: Msg,
    request_type: type[Request[Any]],
    handle: Callable[[Any], Awaitable[Answer]],
) -> None:
    headers = message.headers or {}
    context.begin(headers.get(context.CORRELATION_HEADER))
    try:
        timeout_seconds = int(headers.get(DEADLINE_HEADER, TIMEOUT_SECONDS * 1000)) / 1000
        request = request_type.model_validate_json(message.data)
        async with asyncio.timeout(timeout_seconds):
            payload = (await handle(request)).model_dump_json().encode()
        if len(payload) > ANSWER_BYTES_MAX:
            raise ValueError(f"an answer of {len(payload)} bytes")
        await message.respond(payload)
    except Refusal as refusal:
        await _refuse(nats, message, refusal)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False, include_context=False)
        await _refuse(nats, message, InvalidInput(errors=errors))
    except TimeoutError:
        log.warning("rpc_too_slow", subject=message.subject)
    except Exception:
        log.exception("rpc_failed", subject=message.subject)
        await _refuse(nats, message, Unavailable())


async def _refuse(nats: Client, message: Msg, refusal: Refusal) -> None:
    body = orjson.dumps({"code": refusal.code, "facts": refusal.facts}, default=str)
    with suppress(NatsError):
        await nats.publish(message.reply, body, headers={REFUSAL_HEADER: refusal.code})


def _refusal(body: bytes) -> Refusal:
    refused = orjson.loads(body)
    kind = Refusal.by_code.get(refused["code"], Unavailable)
    return kind(**refused["facts"])


def within_bytes[T](items: list[T], size_of: Callable[[T], int], bytes_max: int) -> list[T]:
    """The longest head of `items` that fits; at least one, so that a page always moves on."""
    total = 0
    for index, item in enumerate(items):
        total += size_of(item)
        if total > bytes_max and index > 0:
            return items[:index]
    return items
