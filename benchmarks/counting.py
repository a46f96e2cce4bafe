"""Counts what one HTTP request causes: by its correlation id, wherever in the services it happens.

Statements are seen as psycopg is told them, so the services run in this process. Connections are in
autocommit mode: each statement is a transaction, and each one that writes is a commit to be made
durable. What runs by itself (relay, sweeps, health) has no request's id and is not counted.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import nats
import orjson
import psycopg
from nats.aio.client import Client as Nats
from nats.aio.msg import Msg

from benchmarks.client import Client
from lingxi_chassis import context
from lingxi_chassis.ids import new_id

WAIT_SECONDS_MAX = 20.0
TURN_ENDS = "chat.event.turn_"
_WRITES = re.compile(rb"\b(insert into|update \w+\s+set|delete from)\b")


@dataclass(frozen=True, slots=True)
class Counted:
    """What one request caused. `requests` are between services, `published` are events."""

    statements: int
    writes: int
    requests: int
    published: int


@dataclass(slots=True)
class _Caused:
    statements: list[bytes] = field(default_factory=list[bytes])
    requests: list[str] = field(default_factory=list[str])
    published: set[str] = field(default_factory=set[str])
    turn_ended: asyncio.Event = field(default_factory=asyncio.Event)


class Counter:
    """Everything seen so far, by correlation id."""

    def __init__(self, observer: Nats) -> None:
        self._observer = observer
        self._caused: dict[str, _Caused] = defaultdict(_Caused)

    def executed(self, query: object) -> None:
        """A statement of the work at hand."""
        text = query if isinstance(query, bytes) else str(query).encode()
        self._caused[context.correlation_id()].statements.append(text)

    async def heard(self, message: Msg) -> None:
        """A request between services, or an event."""
        if ".rpc." in message.subject:
            asked_by = (message.headers or {}).get(context.CORRELATION_HEADER, "")
            self._caused[asked_by].requests.append(message.subject)
            return
        envelope = orjson.loads(message.data)
        caused = self._caused[envelope.get("correlationid", "")]
        caused.published.add(envelope["id"])
        if message.subject.startswith(TURN_ENDS) and "turn_started" not in message.subject:
            caused.turn_ended.set()

    async def count(
        self, client: Client, method: str, path: str, json: object = None, *, turn: bool = False
    ) -> tuple[Counted, Any]:
        """Send a request; what it caused, with `turn` until its turn's end is published."""
        request_id = str(new_id())
        status, answer = await client.request(method, path, json, request_id)
        if status >= 300:
            raise RuntimeError(f"{method} {path} answered {status}: {answer}")
        caused = self._caused[request_id]
        if turn:
            async with asyncio.timeout(WAIT_SECONDS_MAX):
                await caused.turn_ended.wait()
        await self._observer.flush()
        counted = Counted(
            statements=len(caused.statements),
            writes=sum(bool(_WRITES.search(sql.lower())) for sql in caused.statements),
            requests=len(caused.requests),
            published=len(caused.published),
        )
        return counted, answer


@asynccontextmanager
async def counting(nats_admin_url: str) -> AsyncGenerator[Counter]:
    """Count from here on, in this process and on this NATS server."""
    observer = await nats.connect(nats_admin_url)
    counter = Counter(observer)
    execute: Any = psycopg.AsyncCursor.execute

    async def counted(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        counter.executed(query)
        return await execute(self, query, *args, **kwargs)

    try:
        await observer.subscribe("*.rpc.>", cb=counter.heard)
        await observer.subscribe("*.event.>", cb=counter.heard)
        await observer.flush()
        with mock.patch.object(psycopg.AsyncCursor, "execute", counted):
            yield counter
    finally:
        await observer.close()
