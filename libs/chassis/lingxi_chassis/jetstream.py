"""Erasing single messages of a stream for good.

A purge, and a limit, only forget messages: their bytes stay in the store's files until the file
goes. A deletion overwrites them.

That costs the server up to 25 ms a message (it writes the message's block anew, 8 MB when full), in
which the stream takes no publication. So few are asked for at once, and after them the stream is
left alone for as long as they took: whoever publishes waits for one batch at most.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable

from nats.js import JetStreamContext
from nats.js.errors import NotFoundError, ServerError

from lingxi_chassis.clock import monotonic

NO_SUCH_MESSAGE = 10057
"""JetStream's error code; it comes as a fault of the server."""
DELETES_AT_ONCE_MAX = 4
PAUSE_PER_WORK = 1.0
"""Seconds without a deletion after each second spent on deletions."""
PAUSE_SECONDS_MAX = 2.0


async def delete_message(js: JetStreamContext, stream: str, seq: int) -> bool:
    """Overwrite and forget one message; False: it is gone already.

    Raises:
        nats.errors.Error: JetStream is away or refuses.
    """
    try:
        return await js.delete_msg(stream, seq)
    except (NotFoundError, ServerError) as error:
        if isinstance(error, ServerError) and error.err_code != NO_SUCH_MESSAGE:
            raise
        return False


async def delete_messages(
    js: JetStreamContext,
    stream: str,
    subject: str,
    end_seq: int,
    *,
    which: Callable[[bytes], bool] = lambda _: True,
    most: int | None = None,
) -> int:
    """Overwrite and forget all messages of a subject before `end_seq`, or those with such a body;
    how many there were. With `most` of them it is over, and there may be more.

    Two requests a message. Raises as `delete_message`.
    """
    deleted = 0
    batch: list[int] = []
    async for seq, body in _messages(js, stream, subject, end_seq):
        if not which(body):
            continue
        batch.append(seq)
        if len(batch) == DELETES_AT_ONCE_MAX:
            await _delete(js, stream, batch)
            deleted += len(batch)
            batch = []
            if most is not None and deleted >= most:
                return deleted
    if batch:
        await _delete(js, stream, batch)
    return deleted + len(batch)


async def _delete(js: JetStreamContext, stream: str, batch: list[int]) -> None:
    begun = monotonic()
    await asyncio.gather(*(delete_message(js, stream, seq) for seq in batch))
    await asyncio.sleep(min((monotonic() - begun) * PAUSE_PER_WORK, PAUSE_SECONDS_MAX))


async def _messages(
    js: JetStreamContext, stream: str, subject: str, end_seq: int
) -> AsyncGenerator[tuple[int, bytes]]:
    seq = 0
    while True:
        try:
            message = await js.get_msg(stream, seq=seq + 1, subject=subject, next=True)
        except NotFoundError:
            return
        assert message.seq is not None
        seq = message.seq
        if seq >= end_seq:
            return
        yield seq, message.data or b""
