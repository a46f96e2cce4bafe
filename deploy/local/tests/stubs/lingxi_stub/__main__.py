"""Answers every GET with 200 on the internal port."""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Ready(BaseHTTPRequestHandler):
    """Says yes."""

    def do_GET(self) -> None:
        """Any path."""
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing."""


def leave(*_: object) -> None:
    """As a service does."""
    sys.exit(0)


def main() -> None:
    """Run until SIGTERM; STUB=stubborn ignores it, STUB=broken ends at once."""
    behaviour = os.environ.get("STUB", "")
    if behaviour == "broken":
        sys.exit("stub: this can't work")
    if behaviour == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, leave)
    port = int(os.environ["LINGXI_INTERNAL_PORT"])
    sys.stdout.write("stub: ready\n")
    sys.stdout.flush()
    ThreadingHTTPServer(("127.0.0.1", port), Ready).serve_forever()


main()
