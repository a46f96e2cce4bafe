"""`lingxi subscriber-url`: how a program of others reads the events."""

import argparse

from lingxi_cli.commands import OK, Commands, add_command
from lingxi_cli.output import say
from lingxi_cli.settings import Settings


def add(commands: Commands) -> None:
    """The command `subscriber-url`."""
    says = "print the URL of NATS with a credential that can read the event streams, and only that"
    add_command(commands, "subscriber-url", _run, says)


async def _run(_: argparse.Namespace, settings: Settings) -> int:
    say(settings.subscriber_url())
    return OK
