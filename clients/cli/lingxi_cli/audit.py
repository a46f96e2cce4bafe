"""`lingxi audit`: what was done to accounts, and tried."""

import argparse
from uuid import UUID

from lingxi_chassis.ids import new_id
from lingxi_cli.commands import OK, Commands, add_command
from lingxi_cli.connection import open_operator
from lingxi_cli.output import note, say_json, say_table
from lingxi_cli.settings import Settings
from lingxi_cli.users import user_id_of
from lingxi_contracts.audit import AUDIT_PAGE_MAX, NOBODY, AuditEntry, ListAudit

SHOWN = 100


def add(commands: Commands) -> None:
    """The command `audit`."""
    says = "what was done to an account, or to all: logins, passwords, exports; newest first"
    parser = add_command(commands, "audit", _audit, says)
    who = parser.add_mutually_exclusive_group()
    who.add_argument("username", nargs="?", help="of one user; else of all")
    says = "the user's id instead of the name: also of one who is deleted"
    who.add_argument("--id", type=UUID, metavar="UUID", help=says)
    says = f"at most so many entries ({SHOWN})"
    parser.add_argument("--last", type=_count, metavar="N", default=SHOWN, help=says)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of entries")
    return int(text)


async def _audit(args: argparse.Namespace, settings: Settings) -> int:
    entries: list[AuditEntry] = []
    left: int = args.last
    before: int | None = None
    async with open_operator(settings) as operator:
        of_one = args.id is not None or args.username is not None
        user_id = await user_id_of(operator, args) if of_one else None
        while left:
            limit = min(left, AUDIT_PAGE_MAX)
            question = ListAudit(operation_id=new_id(), user_id=user_id, before=before, limit=limit)
            page = await operator.ask(question)
            entries += page.results
            left -= len(page.results)
            before = page.next_before
            if before is None:
                break
    if args.json:
        for entry in entries:
            say_json(entry)
    else:
        head = ("at", "user", "what", "times", "from", "correlation id")
        say_table(head, [_row(entry) for entry in entries])
    if before is not None:
        note(f"there are older ones: --last {args.last * 10} shows more")
    return OK


def _row(entry: AuditEntry) -> tuple[object, ...]:
    user = None if entry.user_id == NOBODY else entry.user_id
    at = entry.at.isoformat(" ", "seconds")
    return at, user, entry.action, entry.times, entry.address, entry.correlation_id
