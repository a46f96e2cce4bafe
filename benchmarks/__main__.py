"""`python -m benchmarks`: measure a local system and print a report as Markdown (and JSON)."""

import argparse
import asyncio
import io
import tempfile
from dataclasses import asdict
from pathlib import Path

import orjson

from benchmarks.machine import fsync_ms
from benchmarks.turns import Measured, measure_turns
from lingxi_local.system import LocalSystem

CLIENTS = (1, 8, 16, 32)
TURNS = 1_500
TURNS_OF_ONE_CLIENT = 400


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--clients", type=int, nargs="+", default=CLIENTS)
    parser.add_argument("--turns", type=int, default=TURNS, help="of each run with several clients")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    return parser.parse_args()


async def _measure(arguments: argparse.Namespace, folder: Path) -> list[Measured]:
    log = io.StringIO()
    # As an operator would run it: with all that a turn costs, and no limit on a user's turns.
    async with LocalSystem(folder / "data", env={"LINGXI_LOG_LEVEL": "warning"}, output=log) as (
        system
    ):
        return [
            await measure_turns(
                system, clients, TURNS_OF_ONE_CLIENT if clients == 1 else arguments.turns
            )
            for clients in arguments.clients
        ]


def _report(measured: list[Measured], fsync: float) -> str:
    lines = [
        "| clients | turns/s | p50 ms | p99 ms | errors | CPU ms a turn |",
        "| ---: | ---: | ---: | ---: | ---: | :--- |",
    ]
    for one in measured:
        cpu = ", ".join(f"{name} {ms:.2f}" for name, ms in one.cpu_ms_per_turn.items() if ms > 0)
        lines.append(
            f"| {one.clients} | {one.turns_per_second:.0f} | {one.p50_ms:.1f} | {one.p99_ms:.1f}"
            f" | {one.errors} | {cpu} |"
        )
    lines.append(f"\nA durable write of 4 KiB took {fsync:.2f} ms (median) before the runs.")
    return "\n".join(lines)


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="lingxi-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # Postgres may run as another account
        fsync = fsync_ms(folder)
        measured = asyncio.run(_measure(arguments, folder))
    print(_report(measured, fsync))
    if arguments.json is not None:
        figures = {"fsync_ms": fsync, "turns": [asdict(one) for one in measured]}
        arguments.json.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2))


if __name__ == "__main__":
    main()
