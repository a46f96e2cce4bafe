"""The newest requests the simulator got, so that tests can look at prompts."""

from collections import deque
from dataclasses import dataclass

import orjson

from lingxi_chassis.clock import utc_now
from lingxi_simulator.http import Request

ENTRIES_MAX = 5_000
BYTES_MAX = 64 * 1024 * 1024
_SECRET_HEADERS = frozenset({"authorization", "api-key", "x-api-key", "cookie"})


@dataclass(frozen=True, slots=True)
class _Entry:
    number: int
    at: str
    request: Request


class Journal:
    """A ring bounded by entries and by bytes; entries are numbered from 1 and never renumbered."""

    def __init__(self) -> None:
        self._entries: deque[_Entry] = deque()
        self._bytes = 0
        self._last = 0

    def note(self, request: Request) -> None:
        """Keeps a request; the oldest give way."""
        self._last += 1
        self._entries.append(_Entry(self._last, utc_now().isoformat(), request))
        self._bytes += len(request.body)
        while len(self._entries) > ENTRIES_MAX or self._bytes > BYTES_MAX:
            self._bytes -= len(self._entries.popleft().request.body)

    def since(self, number: int) -> dict[str, object]:
        """What came after that number, oldest first, without secrets; `last` is the next one."""
        return {
            "last": self._last,
            "requests": [_shown(entry) for entry in self._entries if entry.number > number],
        }

    def clear(self) -> None:
        """Forgets all, but goes on counting."""
        self._entries.clear()
        self._bytes = 0


def _shown(entry: _Entry) -> dict[str, object]:
    request = entry.request
    try:
        body: object = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        body = request.body.decode("utf-8", "replace")
    headers = {
        name: "[hidden]" if name in _SECRET_HEADERS else value
        for name, value in request.headers.items()
    }
    return {
        "number": entry.number,
        "at": entry.at,
        "method": request.method,
        "path": request.path,
        "headers": headers,
        "body": body,
    }
