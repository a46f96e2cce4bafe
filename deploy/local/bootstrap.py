"""Makes `.venv` what `requirements.lock` says: `python deploy/local/bootstrap.py [smollm2]`.

Run by the system's Python (3.12 or newer), with nothing but the standard library. Does nothing
when the environment is up to date. Every file that is installed is checked against its hash. uv
does it in seconds; pip takes its place where uv doesn't work.
"""

import fcntl
import functools
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".lingxi-stamp"
LOCK = ROOT / "requirements.lock"
SMOLLM2_LOCK = ROOT / "requirements-smollm2.lock"
IMPORTED_EVERYWHERE = (
    "alembic.command",
    "fastapi",
    "faststream.nats",
    "nats",
    "openai",
    "psycopg_pool",
    "pydantic_settings",
    "sqlalchemy.dialects.postgresql.psycopg",
    "structlog",
    "uvicorn",
)


def main() -> None:
    """Bring the environment up to date, one process at a time."""
    with (ROOT / "pyproject.toml").open() as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        wanted = _stamp()
        if not (_works() and STAMP.exists() and STAMP.read_text() == wanted):
            _build(wanted)
        if sys.argv[1:] == ["smollm2"]:
            _install_locked(SMOLLM2_LOCK)


def _stamp() -> str:
    """What the environment depends on. A moved checkout needs a new one, too."""
    digest = hashlib.sha256(f"{ROOT} {sys.version_info[:2]}".encode())
    for path in (LOCK, ROOT / "pyproject.toml", Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _works() -> bool:
    """Whether the environment has a Python that runs, and pip."""
    return PYTHON.exists() and _run([PYTHON, "-S", "-c", ""]) and (VENV / "bin" / "pip").exists()


def _build(stamp: str) -> None:
    _say("preparing .venv (once, and when requirements.lock changes)")
    STAMP.unlink(missing_ok=True)
    if not _works():
        _must([sys.executable, "-m", "venv", "--clear", VENV])
    _install_uv()
    if not _uv(["sync", "--require-hashes", LOCK]):
        _say("uv does not work here; pip does it, in about a minute")
        _must(_pip(["install", "--require-hashes", "--no-deps", "-r", LOCK]))
    itself = ["install", "--no-deps", "--no-build-isolation", "-e", ROOT]
    if not _uv(itself):
        _must(_pip(itself))
    _compile()
    STAMP.write_text(stamp)


def _install_locked(lock: Path) -> None:
    """Add what `lock` names, without its dependencies."""
    locked = ["install", "--require-hashes", "--no-deps", "-r", lock]
    if not _uv(locked):
        _must(_pip(locked))


def _install_uv() -> None:
    """Install the pinned uv alone. Where that fails, pip does all the rest."""
    pinned = re.search(r"^uv==(?:.*\\\n)*.*", LOCK.read_text(), re.MULTILINE)
    if pinned is None:
        return
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(f"{pinned[0]}\n")
        file.flush()
        _run(_pip(["install", "--require-hashes", "--no-deps", "-r", file.name]), quiet=True)


def _pip(arguments: Sequence[str | Path]) -> list[str | Path]:
    return [PYTHON, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]


def _uv(arguments: Sequence[str | Path]) -> bool:
    uv = VENV / "bin" / "uv"
    command, *rest = arguments
    argv = [uv, "pip", command, "--python", PYTHON, "--quiet", *rest]
    return uv.exists() and _run(argv, env=_uv_environment())


def _compile() -> None:
    """Byte-compile what every service imports, once instead of in five processes at first start."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    _run([PYTHON, "-c", f"import {', '.join(IMPORTED_EVERYWHERE)}"], env=env)


@functools.cache
def _uv_environment() -> dict[str, str]:
    """uv doesn't read pip's configuration: tell it where pip looks and whom pip trusts."""
    env = {
        **os.environ,
        "UV_PYTHON_DOWNLOADS": "never",
        # As pip does. Every file is pinned by hash, so no index can slip another one in.
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }
    configured = _pip_settings()
    for name, option in (
        ("UV_DEFAULT_INDEX", "index-url"),
        ("UV_INDEX", "extra-index-url"),
        ("UV_FIND_LINKS", "find-links"),
        ("SSL_CERT_FILE", "cert"),
    ):
        value = configured.get(option)
        if value and not env.get(name):
            env[name] = value.replace(" ", ",") if name == "UV_FIND_LINKS" else value
    return env


def _pip_settings() -> dict[str, str]:
    """pip's settings by option; its environment variables win over its configuration files."""
    shown = subprocess.run(
        [PYTHON, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    settings: dict[str, str] = {}
    for section in ("global", "install", ":env:"):
        pattern = rf"^{section}\.\.?([\w-]+)='(.*)'$"
        found: list[tuple[str, str]] = re.findall(pattern, shown, re.MULTILINE)
        settings |= {option: " ".join(value.replace("\\n", " ").split()) for option, value in found}
    return settings


def _must(argv: Sequence[str | Path]) -> None:
    if not _run(argv):
        sys.exit(f"lingxi: this failed: {' '.join(map(str, argv))}")


def _run(
    argv: Sequence[str | Path], *, quiet: bool = False, env: dict[str, str] | None = None
) -> bool:
    output = subprocess.DEVNULL if quiet else None
    result = subprocess.run(argv, cwd=ROOT, env=env, stdout=output, stderr=output, check=False)
    return result.returncode == 0


def _say(text: str) -> None:
    print(f"lingxi: {text}", flush=True)


if __name__ == "__main__":
    main()
