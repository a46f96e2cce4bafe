"""`python -m lingxi_local`, with the stub as its only service."""

import asyncio
import os
import sys

from lingxi_local import services
from lingxi_local.__main__ import run
from lingxi_local.services import Service

if __name__ == "__main__":
    if os.environ.get("STUB") == "stubborn":
        # Mostly nobody needs to wait longer to see it.
        services.STOP_SECONDS_MAX = float(os.environ.get("STUB_STOP_SECONDS", "1"))
    stub = [Service("gateway", "lingxi_stub", is_public=True)]
    sys.exit(asyncio.run(run(stub, builds_web=False)))
