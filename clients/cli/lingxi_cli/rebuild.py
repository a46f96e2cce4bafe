"""`lingxi rebuild`: what an owner shows, made again from its log while it runs."""

import argparse

from lingxi_chassis.ids import new_id
from lingxi_cli.commands import OK, Commands, add_command
from lingxi_cli.connection import open_operator
from lingxi_cli.output import say
from lingxi_cli.owners import add_owner
from lingxi_cli.settings import Settings
from lingxi_contracts.operations import Rebuild

REBUILD_SECONDS_MAX = 175.0
"""We wait that long. A rebuild goes on without us; its end is in the service's log."""


def add(commands: Commands) -> None:
    """The command `rebuild`."""
    says = "make an owner's read models again from its log, while it runs"
    parser = add_command(commands, "rebuild", _run, says)
    add_owner(parser)
    says = "instead the snapshots that commands decide on"
    parser.add_argument("--snapshots", action="store_true", help=says)


async def _run(args: argparse.Namespace, settings: Settings) -> int:
    command = Rebuild(operation_id=new_id(), snapshots=args.snapshots)
    async with open_operator(settings) as operator:
        await operator.check_answers(args.owner)
        done = await operator.ask(command, args.owner, REBUILD_SECONDS_MAX)
    rate = round(done.events / done.seconds) if done.seconds else 0
    made = ", ".join(done.rebuilt)
    say(f"{args.owner}: {made} from {done.events} events in {done.seconds:.1f} s ({rate}/s)")
    if args.snapshots:
        say(f"{done.replaced} snapshots were not as the log says; {done.unsettled} kept moving")
    else:
        say(f"writers waited {done.held_off_seconds * 1000:.0f} ms for the swap")
    return OK
