"""An export's answer, as the server that sends it sees it."""

from collections.abc import AsyncGenerator
from contextlib import ExitStack

from starlette.types import Message

from lingxi_chassis.ids import new_id
from lingxi_gateway.application.export_account import Exports
from lingxi_gateway.entrypoints.http.export import Download


async def test_the_next_one_may_be_asked_for_when_the_end_is_told() -> None:
    """Guards the close in `_after`: a quick client's next request came before the answer's end."""
    exports, user_id = Exports(), new_id()
    bodies: list[bytes] = []

    async def rest() -> AsyncGenerator[bytes]:
        yield b"]}"

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            if not message["more_body"]:
                with exports.one_of(user_id):
                    bodies.append(b"the end")
            else:
                bodies.append(message["body"])

    async def receive() -> Message:
        raise AssertionError("a server of ASGI 2.4 tells of a lost client when it is sent to")

    with ExitStack() as stack:
        stack.enter_context(exports.one_of(user_id))
        answer = Download(b'{"agents":[', rest(), stack.pop_all())
    await answer({"type": "http", "asgi": {"spec_version": "2.4"}}, receive, send)
    assert bodies == [b'{"agents":[', b"]}", b"the end"]
