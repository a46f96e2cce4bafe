"""`python -m lingxi_chassis.probe`: exits 0 when this container's service is ready.

For container health checks, in images that have no HTTP client of their own.
"""

import os
import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

TIMEOUT_SECONDS = 2.0
DEFAULT_PORT = "9000"


def is_ready(port: int) -> bool:
    """Whether the service that serves its health on this loopback port is ready."""
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    # Not through the settings: reading them costs more than the whole probe.
    sys.exit(not is_ready(int(os.environ.get("LINGXI_INTERNAL_PORT", DEFAULT_PORT))))
