"""Loopback ports: finding a free one, and telling whether one is taken.

A port is found now and bound later, by a process yet to start. So that nobody takes it in between:
it lies below the range from which systems serve outgoing connections and port 0, this process hands
no port out twice within the last `HANDED_OUT_MAX`, and others choose at random as well.
"""

import errno
import random
import socket
from collections import deque

LOOPBACK = "127.0.0.1"
FIRST_PORT = 16_384
LAST_PORT = 32_767
HANDED_OUT_MAX = 1_024
TRIES_MAX = 1_000

_chance = random.SystemRandom()
_handed_out: deque[int] = deque(maxlen=HANDED_OUT_MAX)


class NoPortFree(OSError):
    """No port of the range is free, in many tries."""


def unused_port() -> int:
    """A port nobody listens on right now, and that was not handed out here before.

    Raises:
        NoPortFree
    """
    for _ in range(TRIES_MAX):
        port = _chance.randint(FIRST_PORT, LAST_PORT)
        if port not in _handed_out and not is_taken(port):
            _handed_out.append(port)
            return port
    raise NoPortFree(f"no port from {FIRST_PORT} to {LAST_PORT} is free")


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
