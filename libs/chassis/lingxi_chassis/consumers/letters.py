"""Dead letters for an operator: list them, replay one, drop one.

A replay asks the service itself to handle the event again (`ReplayLetter`), for only it has the
handler. The letter is dropped once that is done; whoever is killed in between replays it again,
which handlers bear.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from lingxi_chassis.ids import new_id
from lingxi_chassis.jetstream import delete_message
from lingxi_chassis.rpc import HANDLE_SECONDS_MAX, RpcClient
from lingxi_contracts.dead_letters import Replayed, ReplayLetter
from lingxi_contracts.subjects import DEAD_LETTERS_STREAM, dead_letters_for

PAGE_LETTERS = 100


@dataclass(frozen=True, slots=True)
class Letter:
    """A reference to an event that a handler could not take.

    `seq` is the letter's own, `stream_seq` that of the event. `type` is None: it was unreadable.
    """

    seq: int
    at: datetime
    service: str
    handler: str
    user_id: UUID
    event_id: UUID
    owner: str
    stream_seq: int
    type: str | None
    error: str
    deliveries: int


async def list_letters(
    js: JetStreamContext,
    service: str = "*",
    handler: str = "*",
    *,
    after_seq: int = 0,
    limit: int = PAGE_LETTERS,
) -> Sequence[Letter]:
    """The next letters after a seq, oldest first, at most `limit`.

    Raises:
        nats.errors.Error: JetStream is away.
    """
    found: list[Letter] = []
    subject = dead_letters_for(service, handler)
    while len(found) < limit:
        try:
            message = await js.get_msg(
                DEAD_LETTERS_STREAM, seq=after_seq + 1, subject=subject, next=True
            )
        except NotFoundError:  # no more, or nobody ever wrote one
            break
        found.append(_letter(message))
        after_seq = found[-1].seq
    return found


async def replay_letter(
    rpc: RpcClient,
    js: JetStreamContext,
    letter: Letter,
    timeout_seconds: float = HANDLE_SECONDS_MAX,
) -> Replayed:
    """Have the event handled again; the letter is dropped if it was.

    Raises:
        Refusal: HandlerUnknown, EventGone, HandlerFailed, Unavailable. The letter stays.
        nats.errors.Error: JetStream is away; the event may have been handled.
    """
    request = ReplayLetter(
        operation_id=new_id(),
        handler=letter.handler,
        event_id=letter.event_id,
        user_id=letter.user_id,
        event_type=letter.type,
        stream_seq=letter.stream_seq,
    )
    replayed = await rpc.call(request, timeout_seconds, owner=letter.service)
    await drop_letter(js, letter)
    return replayed


async def drop_letter(js: JetStreamContext, letter: Letter) -> bool:
    """Give the event up; False: the letter is gone already, or a newer one has replaced it.

    Raises:
        nats.errors.Error: JetStream is away.
    """
    return await delete_message(js, DEAD_LETTERS_STREAM, letter.seq)


def _letter(message: RawStreamMsg) -> Letter:
    assert message.subject is not None
    assert message.seq is not None
    assert message.time is not None
    _, service, handler, user_id, event_id = message.subject.split(".")
    body = orjson.loads(message.data or b"{}")
    return Letter(
        seq=message.seq,
        at=message.time,
        service=service,
        handler=handler,
        user_id=UUID(user_id),
        event_id=UUID(event_id),
        owner=body["owner"],
        stream_seq=body["stream_seq"],
        type=body["type"],
        error=body["error"],
        deliveries=body["deliveries"],
    )
