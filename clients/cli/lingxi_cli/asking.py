"""Asks the person at the terminal: Ctrl-D is no answer, Ctrl-C ends the command at once."""

import getpass
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager


def ask_secret(prompt: str) -> str:
    """What is typed, unseen; empty: nothing."""
    with _interruptible():
        try:
            return getpass.getpass(prompt)
        except EOFError:
            print(file=sys.stderr)  # the terminal still stands behind the prompt
            return ""


def ask_line() -> str:
    """A line of standard input, without its end; empty: nothing."""
    with _interruptible():
        return sys.stdin.readline().removesuffix("\n").removesuffix("\r")


@contextmanager
def _interruptible() -> Generator[None]:
    """asyncio puts Ctrl-C off to its next turn, which does not come while we wait for a person."""
    held = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, held)
