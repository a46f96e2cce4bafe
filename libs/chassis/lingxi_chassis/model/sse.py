"""Server-sent events, incrementally: bytes in any cut, `data` payloads out.

After the WHATWG specification, but that only `data` is kept, and that an event that lacks its
closing blank line at the end of the stream still counts (some servers forget it).
"""

LINE_BYTES_MAX = 1024 * 1024
_BOM = b"\xef\xbb\xbf"


class LineTooLong(Exception):
    """A line of the stream exceeds `LINE_BYTES_MAX`."""


class SseParser:
    """One stream's parser. Feeding the same bytes in other cuts gives the same events."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._data: list[bytes] = []
        self._ended_in_cr = False
        self._first_line = True

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads of the events that became complete."""
        if self._ended_in_cr and data.startswith(b"\n"):
            data = data[1:]
            self._ended_in_cr = False
        if not data:
            return []
        self._ended_in_cr = data.endswith(b"\r")
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        self._rest += data
        if b"\n" not in data:
            if len(self._rest) > LINE_BYTES_MAX:
                raise LineTooLong
            return []
        *lines, rest = bytes(self._rest).split(b"\n")
        self._rest = bytearray(rest)
        return self._events(lines)

    def close(self) -> list[bytes]:
        """The stream ended: what was left open."""
        left = [bytes(self._rest), b""] if self._rest else [b""]
        self._rest.clear()
        return self._events(left)

    def _events(self, lines: list[bytes]) -> list[bytes]:
        events: list[bytes] = []
        if self._first_line:
            lines[0] = lines[0].removeprefix(_BOM)
            self._first_line = False
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[6:] if line.startswith(b"data: ") else line[5:])
            elif not line:
                if self._data:
                    events.append(b"\n".join(self._data))
                    self._data.clear()
            elif line == b"data":
                self._data.append(b"")
        return events
