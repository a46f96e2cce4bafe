"""`python -m tests.chaos [--seeds 1 2 3 | --count 30] [--seconds 60]`"""

import argparse
import asyncio
import sys

from tests.chaos.run import run

SECONDS = 60.0


def main() -> None:
    """Run seeds one after the other; exit 1 if one of them broke something."""
    parser = argparse.ArgumentParser(prog="tests.chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    arguments = parser.parse_args()
    broken: list[int] = []
    for seed in arguments.seeds or range(1, arguments.count + 1):
        outcome = asyncio.run(run(seed, arguments.seconds))
        sys.stdout.write(f"{outcome.report()}\n")
        sys.stdout.flush()
        if outcome.findings:
            broken.append(seed)
    if broken:
        sys.exit(f"broken: seeds {broken}")


if __name__ == "__main__":
    main()
