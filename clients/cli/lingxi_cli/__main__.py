"""`python -m lingxi_cli`, or `lingxi`: parse, run, and tell.

Exit codes: 0 done; 1 not done, or something is not well; 2 not understood.
"""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Sequence

import structlog
from nats.errors import Error as NatsError

from lingxi_cli import audit, dead_letters, events, rebuild, status, subscriber_url, users
from lingxi_cli.commands import FAILED, Run
from lingxi_cli.failures import Failure, refused
from lingxi_cli.output import note
from lingxi_cli.settings import Settings
from lingxi_contracts.errors import Refusal

INTERRUPTED = 130


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="lingxi",
        allow_abbrev=False,
        description="Look after a running Lingxi.",
        epilog="It finds `make run` by its data directory (LINGXI_DATA_DIR, .lingxi); NATS_URL "
        "names another one's NATS, with the operator's credentials.",
    )
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    for group in (status, users, audit, events, dead_letters, rebuild, subscriber_url):
        group.add(commands)
    return top


def main(argv: Sequence[str]) -> int:
    """Run one command; the exit code. What is not understood ends the process with 2."""
    args = parser().parse_args(argv)
    _quiet()
    run: Run = args.run
    try:
        return asyncio.run(_run(run, args))
    except Failure as failure:
        note(str(failure))
    except Refusal as refusal:
        note(refused(refusal))
    except (NatsError, TimeoutError) as error:
        note(f"NATS does not answer, or not as it should: {type(error).__name__}")
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has enough; the interpreter must not try to flush it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return FAILED


async def _run(run: Run, args: argparse.Namespace) -> int:
    try:
        settings = Settings()
    except ValueError:
        raise Failure("the settings, or .env, are not readable as UTF-8 text.") from None
    return await run(args, settings)


def _quiet() -> None:
    """What the chassis logs is for services; here a line says what matters."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.getLogger("nats").setLevel(logging.CRITICAL)
    # At the end of each connection by TLS, of how nats-py made it.
    logging.getLogger("asyncio").setLevel(logging.ERROR)


def entry() -> None:
    """The script `lingxi`."""
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    entry()
