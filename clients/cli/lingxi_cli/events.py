"""`lingxi events`: what happens, as it happens; and a stream filled again from its log."""

import argparse
import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import orjson
from pydantic import ValidationError

from lingxi_chassis.clock import monotonic
from lingxi_chassis.ids import new_id
from lingxi_cli.commands import OK, Commands, add_command, add_group
from lingxi_cli.connection import Operator, open_operator
from lingxi_cli.moments import moment
from lingxi_cli.output import note, say, visible
from lingxi_cli.owners import add_owner
from lingxi_cli.settings import Settings
from lingxi_cli.tail import Show, Tail
from lingxi_contracts import agent, chat, gateway, scheduler
from lingxi_contracts.envelope import Envelope
from lingxi_contracts.operations import OWNERS, GetStatus, Republish

HEAL_SECONDS_MAX = 40.0
REFILL_SECONDS_MAX = 60.0
REFILL_POLL_SECONDS = 0.5
EVENT_NAMES: Mapping[str, frozenset[str]] = {
    module.OWNER: frozenset(tag.partition(".")[0] for tag in module.EVENTS)
    for module in (gateway, chat, agent, scheduler)
}


def add(commands: Commands) -> None:
    """The group `events`."""
    group = add_group(commands, "events", "what happens: the event streams")
    tail = add_command(group, "tail", _tail, "show events as they come; Ctrl-C ends it")
    tail.add_argument("--owner", choices=OWNERS, help="of one owner; else of all")
    tail.add_argument("--user", type=UUID, metavar="UUID", help="of one user")
    tail.add_argument("--stream", type=UUID, metavar="UUID", help="of one session, agent, account")
    tail.add_argument("--type", type=_event_name, metavar="NAME", help="such as message_posted")
    says = "from then on: 10m, 2h, 1d ago, a time, or all that the stream keeps; else from now"
    tail.add_argument("--since", type=moment, metavar="WHEN", help=says)
    tail.add_argument("--no-follow", action="store_true", help="end with what there is by now")
    tail.add_argument("--json", action="store_true", help="one CloudEvents envelope a line")
    says = "empty an owner's stream and fill it again from the log, which wins"
    add_owner(add_command(group, "republish", _republish, says))


def _event_name(text: str) -> str:
    known = sorted({name for names in EVENT_NAMES.values() for name in names})
    if text not in known:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(known)}")
    return text


async def _tail(args: argparse.Namespace, settings: Settings) -> int:
    owners = [
        owner
        for owner in OWNERS
        if args.owner in (None, owner) and (args.type is None or args.type in EVENT_NAMES[owner])
    ]
    show = _happened_since(args.since, _show_json if args.json else _show)
    rest = ".".join(str(token or "*") for token in (args.type, args.user, args.stream))
    async with open_operator(settings) as operator:
        tails = [Tail(operator, owner, f"{owner}.event.{rest}", show) for owner in owners]
        await asyncio.gather(*(tail.run(args.since, follow=not args.no_follow) for tail in tails))
    return OK


def _happened_since(since: datetime | None, show: Show) -> Show:
    """Shows nothing older: a stream goes by when it stored an event, after a refill all anew."""
    if since is None:
        return show

    def show_younger(owner: str, payload: bytes) -> None:
        with suppress(ValidationError):
            if Envelope.model_validate_json(payload).time < since:
                return
        show(owner, payload)

    return show_younger


def _show_json(_: str, payload: bytes) -> None:
    say(payload.decode(errors="replace"))


def _show(owner: str, payload: bytes) -> None:
    try:
        event = Envelope.model_validate_json(payload)
    except ValidationError:
        note(f"an unreadable event of {owner}")
        return
    at = event.time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    data = "(erased)" if event.data is None else orjson.dumps(event.data).decode()
    ids = f"user {event.userid} stream {event.subject} #{event.sequence}"
    say(visible(f"{at} {owner} {event.name} {ids} {data}"))


async def _republish(args: argparse.Namespace, settings: Settings) -> int:
    async with open_operator(settings) as operator:
        await operator.check_answers(args.owner)
        command = Republish(operation_id=new_id())
        emptied = await operator.ask(command, args.owner, HEAL_SECONDS_MAX)
        say(f"{args.owner}: the stream is emptied, and goes on with sequence {emptied.first_seq}")
        waiting = await _wait_for_refill(operator, args.owner)
    if waiting:
        say(f"{args.owner}: {waiting} events or more are still to come; see `lingxi status`")
    else:
        say(f"{args.owner}: the stream holds all of the log that it keeps")
    return OK


async def _wait_for_refill(operator: Operator, owner: str) -> int:
    """How many events still wait when patience ends; 0: none."""
    deadline = monotonic() + REFILL_SECONDS_MAX
    while True:
        status = await operator.ask(GetStatus(operation_id=new_id()), owner)
        waiting = status.log.unpublished_events if status.log else 1
        if not waiting or monotonic() > deadline:
            return waiting
        await asyncio.sleep(REFILL_POLL_SECONDS)
