"""`python -m lingxi_simulator --port 8100`: serves the simulator until SIGTERM or Ctrl-C."""

import argparse
import asyncio
import signal
import sys

import uvloop

from lingxi_simulator.server import start


async def serve(host: str, port: int, delay_ms_per_chunk: float) -> None:
    """Listens until the process is asked to stop."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopped.set)
    running = await start(host, port, delay_ms_per_chunk=delay_ms_per_chunk)
    sys.stdout.write(f"simulator: {running.base_url}\n")
    sys.stdout.flush()
    await stopped.wait()
    await running.close()


def main() -> None:
    """Reads the command line; port 0 takes a free port and prints it."""
    parser = argparse.ArgumentParser(prog="lingxi_simulator", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--delay-ms-per-chunk", type=float, default=0.0)
    asked = parser.parse_args()
    try:
        uvloop.run(serve(asked.host, asked.port, asked.delay_ms_per_chunk))
    except OSError as error:
        parser.exit(1, f"simulator: cannot listen on {asked.host}:{asked.port}: {error}\n")


if __name__ == "__main__":
    main()
