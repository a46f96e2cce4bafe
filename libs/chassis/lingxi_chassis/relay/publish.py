"""Fenced publishing: a batch in order, each message bound to the sequence before it.

Only the last message asks for an acknowledgement: each expects its predecessor to be the stream's
last message, so the last one is stored exactly if all are. That holds because nobody but relays of
this log may publish to the stream: at one sequence there is one row, whichever relay stored it. (A
foreign message in a row's place would be taken for that row.) The library's own `publish_async`
never resolves when the server refuses, hence the inbox here.
"""

import asyncio
from collections.abc import Sequence

import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg

from lingxi_chassis import tracing
from lingxi_chassis.relay.rows import LogRow
from lingxi_contracts.envelope import CONTENT_TYPE

DEADLINE_SECONDS = 5.0


class PublishRefused(Exception):
    """The stream refused the batch, or part of it, or gave no answer in time."""


class FencedPublisher:
    """Publishes rows of one owner to its stream, from its own inbox."""

    def __init__(self, nats: Client, owner: str) -> None:
        self._nats = nats
        self._owner = owner
        self._inbox = nats.new_inbox()
        self._sent = 0
        self._waiting: dict[str, asyncio.Future[Msg | None]] = {}

    async def open(self) -> None:
        """Start listening for acknowledgements."""
        await self._nats.subscribe(f"{self._inbox}.*", cb=self._acknowledged)

    async def _acknowledged(self, message: Msg) -> None:
        waiting = self._waiting.pop(message.subject, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(message)

    def give_up(self) -> None:
        """The connection is another one: what was waited for on the old one does not come."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result(None)

    async def publish(self, rows: Sequence[LogRow], last_seq: int) -> None:
        """Publish rows right after `last_seq`; returns once all are stored.

        Raises:
            PublishRefused: then any head of the rows may be stored, and nothing else.
            nats.errors.Error: the connection is gone; the same holds.
        """
        self._sent += 1
        inbox = f"{self._inbox}.{self._sent}"
        waiting = asyncio.get_running_loop().create_future()
        self._waiting[inbox] = waiting
        try:
            for index, row in enumerate(rows):
                headers = {
                    "content-type": CONTENT_TYPE,
                    "Nats-Expected-Last-Sequence": str(last_seq + index),
                }
                if row.metadata and tracing.HEADER in row.metadata:
                    headers[tracing.HEADER] = row.metadata[tracing.HEADER]
                reply = inbox if index == len(rows) - 1 else ""
                await self._nats.publish(
                    row.subject(self._owner), row.envelope(self._owner), reply, headers
                )
            async with asyncio.timeout(DEADLINE_SECONDS):
                told = await waiting
        except TimeoutError as error:
            raise PublishRefused("no answer in time") from error
        finally:
            self._waiting.pop(inbox, None)
        if told is None:
            raise PublishRefused("the connection was lost before the answer")
        answer = orjson.loads(told.data or b"{}")
        if answer.get("seq") != last_seq + len(rows):
            raise PublishRefused(str(answer.get("error", answer)))
