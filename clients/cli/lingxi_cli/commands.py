"""What a command group is made of."""

import argparse
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from lingxi_cli.settings import Settings


class Commands(Protocol):
    """The commands of a level, as argparse keeps them."""

    def add_parser(self, name: str, **kwargs: Any) -> argparse.ArgumentParser:
        """One more."""
        ...


type Run = Callable[[argparse.Namespace, Settings], Awaitable[int]]
"""Does what was asked for; the exit code."""

OK = 0
FAILED = 1


def add_command(
    commands: Commands, name: str, run: Run | None, says: str
) -> argparse.ArgumentParser:
    """A command, or with `run` None a group of them; `says` is its line in the help."""
    parser = commands.add_parser(name, help=says, description=says, allow_abbrev=False)
    if run is not None:
        parser.set_defaults(run=run)
    return parser


def add_group(commands: Commands, name: str, says: str) -> Commands:
    """A group of commands, one of which has to be named."""
    parser = add_command(commands, name, None, says)
    return parser.add_subparsers(metavar="COMMAND", required=True)
