"""What the person at the terminal sees: every process's lines, prefixed, and coloured by name."""

import contextlib
from collections.abc import Mapping
from typing import TextIO

NAME_CHARS = 10
LINE_BYTES_MAX = 64 * 1024
RESET = "\x1b[0m"
BOLD = "\x1b[1m"
DIM = "\x1b[2m"
COLOURS: Mapping[str, str] = {
    "gateway": "\x1b[36m",
    "chat": "\x1b[32m",
    "agent": "\x1b[35m",
    "summarizer": "\x1b[34m",
    "scheduler": "\x1b[33m",
    "lingxi": BOLD,
}


class Output:
    """Prefixed lines on one stream. A closed stream is ignored: the services go on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._coloured = stream.isatty()

    def line(self, name: str, text: str) -> None:
        """One line of a process; `lingxi` is the supervisor itself."""
        prefix = f"{name:<{NAME_CHARS}} | "
        if self._coloured:
            prefix = f"{COLOURS.get(name, DIM)}{prefix}{RESET}"
        self.plain(f"{prefix}{text}")

    def plain(self, text: str) -> None:
        """Text without a prefix."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(f"{text}\n")
            self._stream.flush()


class Lines:
    """Cuts a byte stream into lines, and lines longer than `LINE_BYTES_MAX` into several."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completes."""
        *complete, self._rest = (self._rest + data).split(b"\n")
        while len(self._rest) > LINE_BYTES_MAX:
            complete.append(self._rest[:LINE_BYTES_MAX])
            self._rest = self._rest[LINE_BYTES_MAX:]
        return [line.decode(errors="replace").rstrip("\r") for line in complete]

    def end(self) -> list[str]:
        """What is left without a line's end."""
        rest, self._rest = self._rest, b""
        return [rest.decode(errors="replace")] if rest else []
