"""`python -m lingxi_local`, with the stub as its only service."""

import asyncio
import sys

from lingxi_local.__main__ import run
from lingxi_local.services import Service

if __name__ == "__main__":
    stub = [Service("gateway", "lingxi_stub", is_public=True)]
    sys.exit(asyncio.run(run(stub, builds_web=False)))
