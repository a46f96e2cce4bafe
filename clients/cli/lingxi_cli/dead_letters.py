"""`lingxi dead-letters`: events that a handler could not take, handled again or given up.

The chassis' consumers are imported by the commands alone: they bring FastStream, which takes longer
to import than any other command takes to run.
"""

import argparse
from collections.abc import AsyncGenerator
from dataclasses import asdict
from typing import TYPE_CHECKING

from lingxi_cli.commands import FAILED, OK, Commands, add_command, add_group
from lingxi_cli.connection import Operator, open_operator
from lingxi_cli.failures import Failure, refused
from lingxi_cli.output import note, say, say_json, say_table
from lingxi_cli.settings import Settings
from lingxi_contracts.errors import Refusal
from lingxi_contracts.operations import SERVICES

if TYPE_CHECKING:
    from lingxi_chassis.consumers.letters import Letter

ANY = "*"


def add(commands: Commands) -> None:
    """The group `dead-letters`."""
    group = add_group(commands, "dead-letters", "events that a handler could not take")
    listing = add_command(group, "list", _list, "list them, oldest first")
    _add_filter(listing)
    listing.add_argument("--json", action="store_true", help="one JSON object a line")
    says = "have events handled again, in this order; what succeeds is a letter less"
    _add_choice(add_command(group, "replay", _replay, says))
    _add_choice(add_command(group, "drop", _drop, "give events up: the letters are deleted"))


def _add_filter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--service", choices=SERVICES, help="of one service's")
    parser.add_argument("--handler", type=_handler, help="of one handler's")


def _add_choice(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("letters", nargs="*", type=_number, default=[], metavar="NUMBER")
    which.add_argument("--all", action="store_true", help="all there are, or that match")
    _add_filter(parser)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 19):  # noqa: PLR2004 - int64
        raise argparse.ArgumentTypeError(f"{text!r} is no letter's number: see `list`")
    return int(text)


def _handler(text: str) -> str:
    if not text.replace("_", "").isalnum():
        raise argparse.ArgumentTypeError(f"{text!r} is no handler's name")
    return text


async def _list(args: argparse.Namespace, settings: Settings) -> int:
    rows: list[tuple[object, ...]] = []
    async with open_operator(settings) as operator:
        async for letter in _all(operator, args):
            if args.json:
                say_json(asdict(letter))
            else:
                rows.append(_row(letter))
    if not args.json:
        head = ("number", "since", "service", "handler", "event", "error", "tries", "user")
        say_table(head, rows)
    return OK


def _row(letter: "Letter") -> tuple[object, ...]:
    return (
        letter.seq,
        letter.at.isoformat(" ", "seconds"),
        letter.service,
        letter.handler,
        letter.type,
        letter.error,
        letter.deliveries,
        letter.user_id,
    )


async def _replay(args: argparse.Namespace, settings: Settings) -> int:
    from lingxi_chassis.consumers.letters import replay_letter

    code = OK
    async with open_operator(settings) as operator:
        async for letter in _chosen(operator, args):
            try:
                replayed = await replay_letter(operator.rpc, operator.js, letter)
            except Refusal as refusal:
                operator.check_permitted()
                why = refusal.facts.get("error")
                note(f"{letter.seq} stays: {refused(refusal)}" + (f" ({why})" if why else ""))
                code = FAILED
            else:
                say(f"{letter.seq}: {replayed.outcome}")
    return code


async def _drop(args: argparse.Namespace, settings: Settings) -> int:
    from lingxi_chassis.consumers.letters import drop_letter

    async with open_operator(settings) as operator:
        async for letter in _chosen(operator, args):
            dropped = await drop_letter(operator.js, letter)
            say(f"{letter.seq}: {'dropped' if dropped else 'gone already'}")
    return OK


async def _all(operator: Operator, args: argparse.Namespace) -> AsyncGenerator["Letter"]:
    """All letters that match, up to the newest one at the beginning."""
    from lingxi_chassis.consumers.letters import PAGE_LETTERS, list_letters

    after = 0
    newest = await operator.last_dead_letter()
    while True:
        page = await list_letters(
            operator.js, args.service or ANY, args.handler or ANY, after_seq=after
        )
        for letter in page:
            if letter.seq > newest:
                return
            yield letter
        if len(page) < PAGE_LETTERS:
            return
        after = page[-1].seq


async def _chosen(operator: Operator, args: argparse.Namespace) -> AsyncGenerator["Letter"]:
    """The letters of the numbers, or all that match. Raises `Failure`: a number is none's."""
    from lingxi_chassis.consumers.letters import list_letters

    if args.all:
        async for letter in _all(operator, args):
            yield letter
    for number in args.letters:
        page = await list_letters(operator.js, after_seq=number - 1, limit=1)
        if not page or page[0].seq != number:
            raise Failure(f"there is no dead letter {number}.")
        yield page[0]
