"""`make up`, `down`, `logs`, `lingxi`, `backup` and `restore`: Docker Compose with the right files.

    python -m lingxi_compose up|down|logs|backup|restore FOLDER|secrets FOLDER|rotate-key [FOLDER]
    python -m lingxi_compose lingxi ARGUMENTS

Settings come from the environment and from `.env` in the repository's root, as they do locally.
Where no model is configured the simulator answers. Standard library only.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lingxi_compose.backups import backup, restore
from lingxi_compose.choices import PROFILES, SIMULATOR, Choice, Refused, choose, settings
from lingxi_compose.engine import ROOT, build, compose
from lingxi_compose.installation import FOLDER, prepare
from lingxi_compose.mounted import fingerprints
from lingxi_compose.rotation import came_up, rotate_key

UP_SECONDS_MAX = 600
"""A restored log is rewritten once before its owner is ready."""
OWN_IMAGE = "lingxi:local"


def up(choice: Choice) -> None:
    """Build the image unless `LINGXI_IMAGE` names one; start all and wait until it is healthy."""
    env = {**choice.env, **fingerprints(choice.env, _make_ready(choice))}
    waiting = ("--wait", "--wait-timeout", str(UP_SECONDS_MAX))
    compose(env, "up", "-d", *waiting, profiles=choice.profiles)
    came_up()
    sys.stdout.write(f"Lingxi is up: {', '.join(choice.addresses)}\n")
    if SIMULATOR in choice.profiles:
        sys.stdout.write("The model is the simulator: set OPENAI_API_KEY for a real one.\n")


def _make_ready(choice: Choice) -> Path:
    folder = prepare(nats_nodes=choice.nats_nodes, tls=choice.tls)
    if "LINGXI_IMAGE" not in choice.env:
        build(choice.env, OWN_IMAGE)
    return folder


def main(arguments: Sequence[str]) -> None:
    """Exits 1 with one line when it was refused or a step failed."""
    try:
        _run(arguments, choose(settings(os.environ, ROOT / ".env")))
    except Refused as refused:
        sys.exit(f"lingxi: {refused}")
    except subprocess.CalledProcessError as failed:
        sys.exit(f"lingxi: {failed.cmd[0]} failed with {failed.returncode}")


def _run(arguments: Sequence[str], choice: Choice) -> None:
    verb, *rest = arguments or [""]
    match verb:
        case "up":
            up(choice)
        case "down":
            compose(choice.env, "down", *rest, profiles=PROFILES)
        case "logs":
            compose(choice.env, "logs", "--follow", "--tail=100", *rest, profiles=PROFILES)
        case "lingxi":
            of_a_person = () if sys.stdin.isatty() else ("-T",)
            compose(choice.env, "run", "--rm", *of_a_person, "operator", *rest)
        case "backup":
            sys.stdout.write(f"{backup(choice.env)}\n")
        case "secrets" if rest:
            prepare(Path(rest[0]))
        case "rotate-key":
            folder = Path(rest[0]) if rest else FOLDER
            sys.stdout.write(f"{rotate_key(choice.env, folder)}\n")
            if rest:  # of an installation that is not ours to see come up
                came_up(folder)
        case "restore" if rest:
            _make_ready(choice)
            restore(choice.env, Path(rest[0]))
            up(choice)
        case _:
            raise Refused(
                "say one of: up, down, logs, lingxi ARGUMENTS, backup, restore FOLDER,"
                " secrets FOLDER, rotate-key"
            )


if __name__ == "__main__":
    main(sys.argv[1:])
