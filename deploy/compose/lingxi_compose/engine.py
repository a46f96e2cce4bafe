"""Docker Compose, on our file. Standard library only."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

HERE = Path(__file__).resolve().parents[1]
ROOT = HERE.parents[1]


def compose(
    env: Mapping[str, str],
    *arguments: str,
    profiles: Sequence[str] = (),
    stdin: IO[bytes] | None = None,
    stdout: IO[bytes] | None = None,
) -> None:
    """Run one command of Docker Compose. Raises CalledProcessError."""
    command = _command(arguments, profiles)
    subprocess.run(command, env=dict(env), check=True, stdin=stdin, stdout=stdout)


def ask(env: Mapping[str, str], *arguments: str) -> str:
    """What a command of Docker Compose says. Raises CalledProcessError."""
    asked = subprocess.run(
        _command(arguments), env=dict(env), check=True, stdout=subprocess.PIPE, text=True
    )
    return asked.stdout


def _command(arguments: Sequence[str], profiles: Sequence[str] = ()) -> list[str]:
    chosen = [part for profile in profiles for part in ("--profile", profile)]
    return ["docker", "compose", "-f", str(HERE / "compose.yaml"), *chosen, *arguments]


def build(env: Mapping[str, str], image: str) -> None:
    """Build our image from this checkout; quick when nothing changed. Raises CalledProcessError."""
    command = ["docker", "build", "-q", "-f", "deploy/Dockerfile", "-t", image, "."]
    subprocess.run(command, cwd=ROOT, env=dict(env), check=True, stdout=subprocess.DEVNULL)
