"""`make up`, `down`, `logs`, `backup` and `restore`: Docker Compose with the right files.

    python -m lingxi_compose up|down|logs|backup|restore FOLDER|secrets FOLDER|rotate-key [FOLDER]

Settings come from the environment and from `.env` in the repository's root, as they do locally.
Where no model is configured the simulator answers. Standard library only.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from lingxi_compose.backups import NoBackup, backup, restore
from lingxi_compose.engine import ROOT, build, compose
from lingxi_compose.installation import prepare, rotate_key

SIMULATOR_URL = "http://simulator:8100/v1"
UP_SECONDS_MAX = 180
OWN_IMAGE = "lingxi:local"
PLACEHOLDERS = ("change-me", "changeme", "your-", "example", "placeholder", "<")
"""What the beginning of a value looks like that nobody filled in."""


class Refused(Exception):
    """Nothing was done, for this reason."""


def settings(environment: Mapping[str, str], env_file: Path) -> dict[str, str]:
    """The environment over `.env`, whose empty lines and comments are passed over.

    Raises:
        Refused: a secret holds a placeholder.
    """
    lines = env_file.read_text().splitlines() if env_file.exists() else []
    pairs = (line.split("#", 1)[0].partition("=") for line in lines)
    read = {
        name.strip(): value.strip() for name, equals, value in pairs if equals and value.strip()
    }
    read |= {name: value for name, value in environment.items() if value}
    for name in ("OPENAI_API_KEY",):
        if read.get(name, "").lower().startswith(PLACEHOLDERS):
            raise Refused(f"{name} holds a placeholder: set a real one, or none for the simulator")
    return read


def with_model(read: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The settings with a model, and the profiles to start."""
    if read.get("OPENAI_API_KEY") or read.get("OPENAI_BASE_URL"):
        return dict(read), []
    simulated = {"OPENAI_BASE_URL": SIMULATOR_URL, "OPENAI_API_KEY": "simulator"}
    return {**read, **simulated}, ["simulator"]


def up(read: Mapping[str, str]) -> None:
    """Build the image unless `LINGXI_IMAGE` names one; start all and wait until it is healthy."""
    prepare()
    complete, profiles = with_model(read)
    if "LINGXI_IMAGE" not in read:
        build(read, OWN_IMAGE)
    waiting = ("--wait", "--wait-timeout", str(UP_SECONDS_MAX))
    compose(complete, "up", "-d", *waiting, profiles=profiles)
    port = read.get("LINGXI_PORT", "8000")
    sys.stdout.write(f"Lingxi is up: http://127.0.0.1:{port}\n")
    if profiles:
        sys.stdout.write("The model is the simulator: set OPENAI_API_KEY for a real one.\n")


def main(arguments: Sequence[str]) -> None:
    """Exits 1 with one line when it was refused or a step failed."""
    verb, *rest = arguments or [""]
    try:
        read = settings(os.environ, ROOT / ".env")
        match verb:
            case "up":
                up(read)
            case "down":
                compose(with_model(read)[0], "down", *rest, profiles=["simulator"])
            case "logs":
                following = ("--follow", "--tail=100", *rest)
                compose(with_model(read)[0], "logs", *following, profiles=["simulator"])
            case "backup":
                sys.stdout.write(f"{backup(read)}\n")
            case "secrets" if rest:
                prepare(Path(rest[0]))
            case "rotate-key":
                sys.stdout.write(f"{rotate_key(*map(Path, rest[:1]))}\n")
            case "restore" if rest:
                prepare()
                restore(with_model(read)[0], Path(rest[0]))
                up(read)
            case _:
                raise Refused(
                    "say one of: up, down, logs, backup, restore FOLDER, secrets FOLDER, rotate-key"
                )
    except Refused as refused:
        sys.exit(f"lingxi: {refused}")
    except NoBackup as missing:
        sys.exit(f"lingxi: no backup in {missing}")
    except subprocess.CalledProcessError as failed:
        sys.exit(f"lingxi: {failed.cmd[0]} failed with {failed.returncode}")


if __name__ == "__main__":
    main(sys.argv[1:])
