"""`python -m tests.containers [walk restore cluster observe] [--seconds 120] [--port 8700]`"""

import argparse
import asyncio
import sys
import time

from tests.containers.clustering import try_cluster
from tests.containers.observing import try_observing
from tests.containers.project import build_image, image_faults
from tests.containers.restoring import try_restore
from tests.containers.walking import try_walk

PARTS = {"walk": try_walk, "restore": try_restore, "cluster": try_cluster, "observe": try_observing}
SECONDS = 120.0
PORT = 8700


def main() -> None:
    """One part after the other; exits 1 if something is wrong."""
    parser = argparse.ArgumentParser(prog="tests.containers", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=list(PARTS))
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of load: cluster, observe")
    parser.add_argument("--port", type=int, default=PORT, help="the first of some that are free")
    arguments = parser.parse_args()
    build_image()
    wrong = image_faults()
    for part in arguments.parts:
        begun = time.monotonic()
        tried = asyncio.run(PARTS[part](arguments.port, arguments.seconds))
        took = time.monotonic() - begun
        sys.stdout.write(f"{part}, in {took:.0f} s: {tried.figures}; {len(tried.findings)} wrong\n")
        sys.stdout.flush()
        wrong += [f"{part}: {finding}" for finding in tried.findings]
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
