"""`python -m benchmarks`: measure a local system; report as Markdown, and as JSON if asked."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

import orjson

from benchmarks import costs
from benchmarks.by_clients import CLIENTS
from benchmarks.by_length import LENGTHS
from benchmarks.report import broken, markdown, misses
from benchmarks.run import SECTIONS, measure
from lingxi_chassis.logs import configure_logs


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--only", choices=SECTIONS, nargs="+", default=SECTIONS)
    parser.add_argument("--clients", type=int, nargs="+", default=CLIENTS)
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS, help="of sessions")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--markdown", type=Path, help="also write the report to this file")
    parser.add_argument("--record", action="store_true", help="make the costs the baseline")
    arguments = parser.parse_args()
    if arguments.record and "costs" not in arguments.only:
        parser.error("--record needs the section costs")
    return arguments


def main() -> None:
    """Measure what is asked for; targets that were missed are told at the end.

    Exit 1 if a number that never varies did.
    """
    arguments = _arguments()
    configure_logs("benchmarks", "json", "error")  # of services that run in here
    with tempfile.TemporaryDirectory(prefix="lingxi-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # Postgres may run as another account
        figures = asyncio.run(measure(folder, arguments.only, arguments.clients, arguments.lengths))
    if arguments.record:
        costs.record(figures.costs)
    report = markdown(figures)
    print(report)
    for missed in misses(figures):
        print(f"- Missed: {missed}")
    if arguments.markdown is not None:
        arguments.markdown.write_text(report)
    if arguments.json is not None:
        arguments.json.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2))
    if wrong := broken(figures):
        sys.exit("\n".join(f"- Broken: {sentence}" for sentence in wrong))


if __name__ == "__main__":
    main()
