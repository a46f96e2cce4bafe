"""The argument that names an owner of a log."""

import argparse

from lingxi_contracts.operations import OWNERS


def add_owner(parser: argparse.ArgumentParser) -> None:
    """A positional argument: whose log."""
    parser.add_argument("owner", choices=OWNERS, metavar="OWNER", help=", ".join(OWNERS))
