"""`lingxi dead-letters`: an event that a handler could not take is handled again, or given up."""

import asyncio
import json
from contextlib import suppress
from uuid import UUID, uuid4

import nats
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from clients.cli.tests.calling import Person
from clients.cli.tests.conftest import Lingxi
from tests.fixtures.system import RunningSystem
from tests.fixtures.waiting import eventually


async def _bury(admin_url: str, handler: str, user_id: UUID, event_id: str, seq: int) -> int:
    """Leave a letter as a handler would; its number."""
    letter = {
        "owner": "agent",
        "stream": "AGENT_EVENTS",
        "stream_seq": seq,
        "type": "agent_created.v1",
        "error": "KeyError",
        "deliveries": 8,
    }
    subject = f"dead.chat.{handler}.{user_id}.{event_id}"
    async with await nats.connect(admin_url) as client:
        stored = await client.jetstream().publish(subject, json.dumps(letter).encode())
        return stored.seq


async def _place(admin_url: str, subject: str) -> tuple[int, str]:
    """Sequence and id of the newest event on a subject, once the relay has published one."""
    async with await nats.connect(admin_url) as client:
        found: list[RawStreamMsg] = []

        async def published() -> bool:
            with suppress(NotFoundError):
                found.append(await client.jetstream().get_msg("AGENT_EVENTS", subject=subject))
            return bool(found)

        await eventually(published)
        (message,) = found
        assert message.seq is not None
        return message.seq, json.loads(message.data or b"{}")["id"]


def test_letters_are_listed_replayed_and_dropped(
    lingxi: Lingxi, person: Person, system: RunningSystem
) -> None:
    """Guards the whole life of a letter."""
    admin_url = system.local.servers.nats_admin_url
    agent_id = person.post("/api/agents/", {"name": "a"}).json()["id"]
    subject = f"agent.event.agent_created.{person.user_id}.{agent_id}"

    def bury(handler: str, event_id: str, seq: int) -> str:
        return str(asyncio.run(_bury(admin_url, handler, person.user_id, event_id, seq)))

    seq, event_id = asyncio.run(_place(admin_url, subject))
    good = bury("remember_agent", event_id, seq)
    gone = bury("remember_agent", str(uuid4()), seq)
    unknown = bury("no_such_handler", event_id, seq)

    listed = [json.loads(line) for line in lingxi("dead-letters", "list", "--json").lines]
    mine = {str(one["seq"]): one for one in listed if one["user_id"] == str(person.user_id)}
    assert set(mine) == {good, gone, unknown}
    assert mine[good]["error"] == "KeyError"
    table = lingxi("dead-letters", "list", "--handler", "no_such_handler")
    assert [line.split()[0] for line in table.lines] == ["number", unknown]
    assert json.loads(lingxi("status", "--json").out)["dead_letters"] >= 3

    assert lingxi("dead-letters", "replay", good).out == f"{good}: handled\n"
    assert lingxi("dead-letters", "replay", good).complained(1, f"no dead letter {good}")
    assert lingxi("dead-letters", "replay", gone).complained(1, gone, "no longer in")
    assert lingxi("dead-letters", "replay", unknown).complained(1, unknown, "no handler")
    rest = ("--service", "chat", "--handler", "no_such_handler")
    assert lingxi("dead-letters", "drop", "--all", *rest).out == f"{unknown}: dropped\n"
    assert lingxi("dead-letters", "drop", gone).out == f"{gone}: dropped\n"
    assert str(person.user_id) not in lingxi("dead-letters", "list").out


def test_a_number_or_all_has_to_be_named(lingxi: Lingxi) -> None:
    """Guards against dropping everything by leaving something out."""
    for verb in ("replay", "drop"):
        assert lingxi("dead-letters", verb).complained(2, "NUMBER --all is required")
        assert lingxi("dead-letters", verb, "1", "--all").complained(2, "not allowed")
        assert lingxi("dead-letters", verb, "x").complained(2, "no letter's number")
        assert lingxi("dead-letters", verb, "999999999").complained(1, "999999999")
    assert lingxi("dead-letters", "list", "--handler", "a.*").complained(2, "no handler's name")
    assert lingxi("dead-letters", "list", "--service", "x").complained(2, "invalid choice")
