"""The command at a terminal of a person's who does not answer. No server is needed for that."""

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

END_SECONDS_MAX = 60.0
CTRL_D = b"\x04"


@dataclass(frozen=True)
class Terminal:
    """The command, and the keyboard before it."""

    process: subprocess.Popen[bytes]
    keyboard: int

    def reads(self, prompt: str) -> None:
        """Wait until it asks."""
        assert self.process.stderr is not None
        shown = b""
        while prompt.encode() not in shown:
            more = os.read(self.process.stderr.fileno(), 1_000)
            assert more, shown
            shown += more

    def types(self, keys: bytes) -> None:
        os.write(self.keyboard, keys)

    def ends(self) -> tuple[int, list[str]]:
        """Exit code, and what it said since."""
        _, said = self.process.communicate(timeout=END_SECONDS_MAX)
        return self.process.returncode, said.decode().splitlines()


type Start = Callable[..., Terminal]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the command at a terminal."""
    keyboard, screen = pty.openpty()
    started: list[subprocess.Popen[bytes]] = []

    def run(*argv: str) -> Terminal:
        process = subprocess.Popen(
            [sys.executable, "-m", "lingxi_cli", *argv],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "LINGXI_DATA_DIR": "nowhere"},
            stdin=screen,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        started.append(process)
        return Terminal(process, keyboard)

    yield run
    for process in started:
        process.kill()
        process.communicate()
    os.close(keyboard)
    os.close(screen)


def test_ctrl_d_at_the_password_is_no_password(start: Start) -> None:
    terminal = start("users", "create", "lin")
    terminal.reads("Password: ")
    terminal.types(CTRL_D)
    assert terminal.ends() == (1, ["", "lingxi: no password was given."])


def test_ctrl_d_at_the_repetition_is_another_password(start: Start) -> None:
    terminal = start("users", "create", "lin")
    terminal.reads("Password: ")
    terminal.types(b"correct horse\n")
    terminal.reads("Again: ")
    terminal.types(CTRL_D)
    assert terminal.ends() == (1, ["", "lingxi: these were two different passwords."])


def test_ctrl_c_at_the_password_ends_it_at_once(start: Start) -> None:
    terminal = start("users", "create", "lin")
    terminal.reads("Password: ")
    terminal.process.send_signal(signal.SIGINT)
    code, said = terminal.ends()
    assert code == 130
    assert not any(said), said
