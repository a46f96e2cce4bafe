"""The operator's connection to NATS, and asking services on it."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from ssl import SSLContext
from typing import Any

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from lingxi_chassis.ids import new_id
from lingxi_chassis.rpc import TIMEOUT_SECONDS, RpcClient
from lingxi_chassis.tls import new_client
from lingxi_cli.failures import Failure
from lingxi_cli.settings import Settings, places
from lingxi_contracts.base import Answer
from lingxi_contracts.errors import Unavailable
from lingxi_contracts.operations import GetStatus, Operation
from lingxi_contracts.subjects import DEAD_LETTERS_STREAM

CONNECT_SECONDS_MAX = 3.0
RECONNECT_WAIT_SECONDS = 0.25
INBOX_PREFIX = b"_INBOX_operator"


class _Refusals:
    """What the server says no to: there is no sense in waiting any longer."""

    def __init__(self) -> None:
        self._happened = asyncio.Event()
        self.last_error: Exception | None = None

    async def note(self, error: Exception) -> None:
        """For the client's `error_cb`. What comes after a "no" explains nothing."""
        if self.happened:
            return
        self.last_error = error
        said = str(error).lower()
        if "permissions violation" in said or "authorization violation" in said:
            self._happened.set()

    @property
    def happened(self) -> bool:
        """Whether there was one."""
        return self._happened.is_set()

    async def unless[R](self, work: Coroutine[Any, Any, R]) -> R | None:
        """What `work` gives; None as soon as the server says no."""
        working = asyncio.ensure_future(work)
        refused = asyncio.ensure_future(self._happened.wait())
        try:
            await asyncio.wait((working, refused), return_when=asyncio.FIRST_COMPLETED)
            return working.result() if working.done() else None
        finally:
            working.cancel()
            refused.cancel()


class Operator:
    """A connected operator."""

    def __init__(self, client: Client, refusals: _Refusals) -> None:
        self.nats = client
        self.js: JetStreamContext = client.jetstream()
        self.rpc = RpcClient(client)
        self._refusals = refusals

    async def ask[A: Answer](
        self, request: Operation[A], service: str = "", timeout_seconds: float = TIMEOUT_SECONDS
    ) -> A:
        """A service's answer. `service`: who is asked, where several answer.

        Raises:
            Refusal: the service's own.
            Failure: it does not answer, or NATS does not let us ask.
        """
        call = self.rpc.call(request, timeout_seconds, owner=service)
        try:
            answer = await self._refusals.unless(call)
        except Unavailable:
            self.check_permitted()
            asked = service or request.owner
            raise Failure(
                f"{asked} does not answer, or cannot at the moment; `lingxi status` shows more."
            ) from None
        if answer is None:
            self.check_permitted()
        assert answer is not None
        return answer

    async def check_answers(self, service: str) -> None:
        """Before a question that may take long. Raises `Failure` soon where nobody answers."""
        await self.ask(GetStatus(operation_id=new_id()), service)

    async def last_dead_letter(self) -> int:
        """The number of the newest dead letter; 0: there was never one.

        Raises:
            nats.errors.Error: JetStream is away.
        """
        try:
            return (await self.js.stream_info(DEAD_LETTERS_STREAM)).state.last_seq
        except NotFoundError:
            return 0

    def check_permitted(self) -> None:
        """Raises `Failure` when the server has said no to something: that is why nothing came."""
        if self._refusals.happened:
            raise Failure("NATS does not permit this with these credentials: use the operator's.")


@asynccontextmanager
async def open_operator(settings: Settings) -> AsyncGenerator[Operator]:
    """Connected while the context is open. Raises `Failure` where NATS lets us in nowhere."""
    url = settings.operator_url()
    refusals = _Refusals()
    try:
        async with asyncio.timeout(CONNECT_SECONDS_MAX):
            client = await refusals.unless(_connect(url, settings.nats_tls(), refusals))
    except (NatsError, OSError, TimeoutError, ValueError) as error:
        raise Failure(_why(url, refusals.last_error or error)) from None
    if client is None:
        raise Failure(_why(url, refusals.last_error))
    operator = Operator(client, refusals)
    try:
        # One question ahead: with other credentials than the operator's nothing is answered.
        await refusals.unless(operator.js.account_info())
        operator.check_permitted()
        yield operator
    finally:
        await client.close()


async def _connect(url: str, tls: SSLContext | None, refusals: _Refusals) -> Client:
    """Try until cancelled, unless there is no sense in it."""
    while True:
        client, secured = new_client(url, tls)
        try:
            await client.connect(
                url.split(","),
                name="lingxi-operator",
                inbox_prefix=INBOX_PREFIX,
                # Its annotation says whole seconds; any do.
                reconnect_time_wait=RECONNECT_WAIT_SECONDS,  # pyright: ignore[reportArgumentType]
                max_reconnect_attempts=-1,
                error_cb=refusals.note,
                **secured,
            )
        except ConnectionError as error:
            # A server that says no also hangs up, and the client may notice that first.
            await refusals.note(error)
            await asyncio.sleep(RECONNECT_WAIT_SECONDS)
        else:
            return client


def _why(url: str, error: Exception | None) -> str:
    """One line on a connection that does not come about, without the credentials in the URL."""
    place = places(url)
    if not place:
        return "the NATS URL is none: it should be like nats://user:password@host:4222."
    if error is not None and "authorization violation" in str(error).lower():
        return f"NATS at {place} does not know this user and password."
    if isinstance(error, ConnectionRefusedError):
        return f"nobody answers at {place}, where NATS should be."
    if isinstance(error, TimeoutError):
        return f"nothing at {place} says within {CONNECT_SECONDS_MAX:g} s that it is NATS."
    reason = "" if error is None else str(error).removeprefix("nats: ") or type(error).__name__
    return f"no connection to NATS at {place}: {' '.join(reason.split())}"
