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
from nats.errors import Error as NatsError, NoRespondersError
from pydantic import ValidationError

from lingxi_chassis import context, tracing
from lingxi_chassis.rpc_measures import CALLED, SERVED, Measured
from lingxi_chassis.tasks import begun
from lingxi_chassis.tracing import Kind
from lingxi_contracts.base import Answer, Request
from lingxi_contracts.errors import InvalidInput, Refusal, Unavailable
from lingxi_contracts.subjects import rpc_subject

ANSWER_BYTES_MAX = 512 * 1024
TIMEOUT_SECONDS = 5.0
NO_RESPONDERS_GRACE_SECONDS = 2.0
"""How long a request nobody took is offered again: an owner is being restarted."""
NO_RESPONDERS_PAUSE_SECONDS = 0.05
CALLS_AT_ONCE_MAX = 256
HANDLE_SECONDS_MAX = 180.0
"""Of one request, whatever deadline it brings."""
DEADLINE_HEADER = "Lingxi-Timeout-Ms"
DEADLINE_DIGITS_MAX = 9
REFUSAL_HEADER = "Lingxi-Refusal"

log = structlog.get_logger(__name__)


class RpcClient:
    """Asks owners. Counts its calls, for tests of what a turn costs."""

    def __init__(self, nats: Client) -> None:
        self._nats = nats
        self.calls = 0

    async def call[A: Answer](
        self, request: Request[A], timeout_seconds: float = TIMEOUT_SECONDS, *, owner: str = ""
    ) -> A:
        """The owner's answer; `owner` says whose, where several answer the same request.

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
        subject = rpc_subject(request, owner)
        with Measured(CALLED, subject), tracing.span(subject, Kind.ASKS):
            tracing.hand_on(headers)
            reply = await self._ask(subject, payload, timeout_seconds, headers)
            if reply.headers and REFUSAL_HEADER in reply.headers:
                raise _refusal(reply.data)
            try:
                return request.answer_type().model_validate_json(reply.data)
            except ValidationError as error:
                log.error("rpc_answer_unreadable", subject=subject)
                raise Unavailable from error

    async def _ask(
        self, subject: str, payload: bytes, timeout_seconds: float, headers: dict[str, str]
    ) -> Msg:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_seconds
        give_up = min(loop.time() + NO_RESPONDERS_GRACE_SECONDS, deadline)
        while True:
            left = max(deadline - loop.time(), NO_RESPONDERS_PAUSE_SECONDS)
            try:
                return await self._nats.request(subject, payload, left, headers=headers)
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
            task = begun(_answer(self._nats, message, request_type, handle))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

        subject = rpc_subject(request_type, self._owner)
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
    with tracing.joined(headers.get(tracing.HEADER)), tracing.span(message.subject, Kind.ANSWERS):
        await _handle(nats, message, request_type, handle, headers)


async def _handle(
    nats: Client,
    message: Msg,
    request_type: type[Request[Any]],
    handle: Callable[[Any], Awaitable[Answer]],
    headers: dict[str, str],
) -> None:
    try:
        request = request_type.model_validate_json(message.data)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False, include_context=False)
        await _refuse(nats, message, InvalidInput(errors=errors))
        return
    try:
        with Measured(SERVED, message.subject):
            async with asyncio.timeout(_deadline_seconds(headers)):
                payload = (await handle(request)).model_dump_json().encode()
    except Refusal as refusal:
        await _refuse(nats, message, refusal)
    except TimeoutError:
        log.warning("rpc_too_slow", subject=message.subject)
        await _refuse(nats, message, Unavailable())
    except Exception:
        log.exception("rpc_failed", subject=message.subject)
        await _refuse(nats, message, Unavailable())
    else:
        if len(payload) > ANSWER_BYTES_MAX:
            log.error("rpc_answer_too_large", subject=message.subject, bytes=len(payload))
            await _refuse(nats, message, Unavailable())
        else:
            await _send(nats, message, payload, None)


def _deadline_seconds(headers: dict[str, str]) -> float:
    asked = headers.get(DEADLINE_HEADER, "")
    if not (asked.isascii() and asked.isdigit() and len(asked) <= DEADLINE_DIGITS_MAX):
        return TIMEOUT_SECONDS
    return min(int(asked) / 1000, HANDLE_SECONDS_MAX)


async def _refuse(nats: Client, message: Msg, refusal: Refusal) -> None:
    body = orjson.dumps({"code": refusal.code, "facts": refusal.facts}, default=str)
    await _send(nats, message, body, {REFUSAL_HEADER: refusal.code})


async def _send(nats: Client, message: Msg, body: bytes, headers: dict[str, str] | None) -> None:
    """Answer, if anybody waits. What was done stays done: the caller repeats by its ids."""
    if not message.reply:
        return
    try:
        await nats.publish(message.reply, body, headers=headers)
    except (NatsError, OSError) as error:
        log.warning("rpc_answer_not_sent", subject=message.subject, error=repr(error))


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
