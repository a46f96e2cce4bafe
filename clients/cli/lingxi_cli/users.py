"""`lingxi users`: who may use this installation. Passwords come from a prompt or standard input."""

import argparse
import sys
from uuid import UUID

from lingxi_chassis.ids import new_id
from lingxi_cli.asking import ask_line, ask_secret
from lingxi_cli.commands import OK, Commands, add_command, add_group
from lingxi_cli.connection import Operator, open_operator
from lingxi_cli.failures import Failure
from lingxi_cli.output import note, say, say_json, say_table, visible
from lingxi_cli.settings import Settings
from lingxi_contracts.operations import (
    CreateUser,
    DeleteUser,
    DisableUser,
    EnableUser,
    FindUser,
    ListUsers,
    SetPassword,
    UserView,
)

TYPED = "The password is asked for, or read as the first line of standard input."


def add(commands: Commands) -> None:
    """The group `users`."""
    group = add_group(commands, "users", "who may use this installation")
    listing = add_command(group, "list", _list, "list all users, by registration")
    listing.add_argument("--json", action="store_true", help="one JSON object a line")
    create = add_command(group, "create", _create, f"make a user. {TYPED}")
    create.add_argument("username")
    create.add_argument("--email")
    says = "let a user in no more: ends all logins, refuses new ones; what is theirs stays"
    _add_user(add_command(group, "disable", _disable, says))
    _add_user(add_command(group, "enable", _enable, "let a disabled user in again"))
    says = f"give a user a new password; ends all their logins. {TYPED}"
    _add_user(add_command(group, "password", _password, says))
    says = "delete a user and all that is theirs, for good: asks for the name once more"
    delete = add_command(group, "delete", _delete, says)
    _add_user(delete)
    delete.add_argument("--yes", action="store_true", help="do not ask")


def _add_user(parser: argparse.ArgumentParser) -> None:
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("username", nargs="?")
    who.add_argument("--id", type=UUID, metavar="UUID", help="the user's id instead of the name")


async def _list(args: argparse.Namespace, settings: Settings) -> int:
    rows: list[tuple[object, ...]] = []
    async with open_operator(settings) as operator:
        after: UUID | None = None
        while True:
            page = await operator.ask(ListUsers(operation_id=new_id(), after=after))
            for user in page.results:
                if args.json:
                    say_json(user)
                else:
                    rows.append(_row(user))
            after = page.next_after
            if after is None:
                break
    if not args.json:
        say_table(("id", "name", "e-mail", "time zone", "registered", "state"), rows)
    return OK


def _row(user: UserView) -> tuple[object, ...]:
    registered = user.created_at.isoformat(" ", "seconds")
    state = "disabled" if user.disabled else "enabled"
    return user.user_id, user.username, user.email, user.timezone, registered, state


async def _create(args: argparse.Namespace, settings: Settings) -> int:
    email = None if args.email is None else _text(args.email)
    command = CreateUser(
        operation_id=new_id(),
        user_id=new_id(),
        username=_text(args.username),
        password=_read_password(),
        email=email,
    )
    async with open_operator(settings) as operator:
        user = await operator.ask(command)
    say(f"{visible(user.username)} is made: {user.user_id}")
    return OK


async def _disable(args: argparse.Namespace, settings: Settings) -> int:
    async with open_operator(settings) as operator:
        user_id = await user_id_of(operator, args)
        user = await operator.ask(DisableUser(operation_id=new_id(), user_id=user_id))
    say(f"{visible(user.username)} is disabled")
    return OK


async def _enable(args: argparse.Namespace, settings: Settings) -> int:
    async with open_operator(settings) as operator:
        user_id = await user_id_of(operator, args)
        user = await operator.ask(EnableUser(operation_id=new_id(), user_id=user_id))
    say(f"{visible(user.username)} is enabled")
    return OK


async def _password(args: argparse.Namespace, settings: Settings) -> int:
    async with open_operator(settings) as operator:
        user_id = await user_id_of(operator, args)
        password = _read_password()
        user = await operator.ask(
            SetPassword(operation_id=new_id(), user_id=user_id, password=password)
        )
    say(f"{visible(user.username)} has a new password")
    return OK


async def _delete(args: argparse.Namespace, settings: Settings) -> int:
    who = visible(str(args.id or args.username))
    async with open_operator(settings) as operator:
        user_id = await user_id_of(operator, args)
        if not args.yes:
            note(f"this deletes {who} and all that is theirs, for good. Type {who} to go on:")
            if ask_line().strip() != who:
                raise Failure("nothing was deleted.")
        await operator.ask(DeleteUser(operation_id=new_id(), user_id=user_id))
    say(f"{who} is deleted; what is theirs is being erased")
    return OK


async def user_id_of(operator: Operator, args: argparse.Namespace) -> UUID:
    """Whom `username` or `--id` names. Raises UserNotFound."""
    if args.id is not None:
        return args.id
    found = await operator.ask(FindUser(operation_id=new_id(), username=_text(args.username)))
    return found.user_id


def _text(given: str) -> str:
    try:
        given.encode()
    except UnicodeEncodeError:
        raise Failure("what was given is not UTF-8.") from None
    return given


def _read_password() -> str:
    """From the terminal, twice; else the first line of standard input. Never from the arguments."""
    if sys.stdin.isatty():
        password = ask_secret("Password: ")
        if password and ask_secret("Again: ") != password:
            raise Failure("these were two different passwords.")
    else:
        password = ask_line()
    if not password:
        raise Failure("no password was given.")
    return _text(password)
