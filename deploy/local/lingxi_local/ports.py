"""Loopback ports: finding a free one, and telling whether one is taken."""

import errno
import socket

LOOPBACK = "127.0.0.1"


def unused_port() -> int:
    """A port nobody listens on right now. Free again at once: bind it soon."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def is_taken(port: int, host: str = LOOPBACK) -> bool:
    """Whether somebody listens on `port`. Bound as a server would: address reuse on.

    Raises:
        OSError: this account may not use the port at all.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return True
            raise
        return False
