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
    chosen = [part for profile in profiles for part in ("--profile", profile)]
    command = ["docker", "compose", "-f", str(HERE / "compose.yaml"), *chosen, *arguments]
    subprocess.run(command, env=dict(env), check=True, stdin=stdin, stdout=stdout)


def build(env: Mapping[str, str], image: str) -> None:
    """Build our image from this checkout; quick when nothing changed. Raises CalledProcessError."""
    command = ["docker", "build", "-q", "-f", "deploy/Dockerfile", "-t", image, "."]
    subprocess.run(command, cwd=ROOT, env=dict(env), check=True, stdout=subprocess.DEVNULL)
