"""The machine, and what it did meanwhile: CPU time and memory of processes, durable writes."""

import importlib.metadata
import os
import platform
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

import nats
import psycopg

from lingxi_local.servers import Servers

FSYNC_ROUNDS = 200
FSYNC_BYTES = 4096
LIBRARIES = ("fastapi", "nats-py", "openai", "psycopg", "pydantic", "uvloop")


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the figures come from. `fsync_ms` is the median of a small write made durable."""

    cores: int
    system: str
    python: str
    postgres: str
    nats: str
    libraries: Mapping[str, str]
    fsync_ms: float


@dataclass(frozen=True, slots=True)
class Memory:
    """Of a process and its descendants, in MiB. PSS counts shared pages once among all."""

    pss_mib: float
    rss_mib: float
    processes: int


async def describe(servers: Servers, fsync: float) -> Machine:
    """The machine and the versions of what runs on it."""
    async with await psycopg.AsyncConnection.connect(servers.database_server_url) as connection:
        row = await (await connection.execute("show server_version")).fetchone()
    client = await nats.connect(servers.nats_admin_url)
    version = client.connected_server_version
    nats_version = f"{version.major}.{version.minor}.{version.patch}"
    await client.close()
    return Machine(
        cores=_cores(),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        postgres=row[0] if row else "",
        nats=nats_version,
        libraries={name: importlib.metadata.version(name) for name in LIBRARIES},
        fsync_ms=fsync,
    )


def _cores() -> int:
    """Those this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def fsync_ms(folder: Path) -> float:
    """Median time of a small write made durable, in milliseconds."""
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        times: list[float] = []
        for _ in range(FSYNC_ROUNDS):
            begun = perf_counter()
            file.write(b"x" * FSYNC_BYTES)
            file.flush()
            os.fsync(file.fileno())
            times.append(perf_counter() - begun)
    return median(times) * 1000


def cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """CPU time each process and its descendants used so far; empty where /proc is not Linux's."""
    if platform.system() != "Linux":
        return {}
    children = _children()
    return {
        name: sum(_own_seconds(one) for one in _tree(pid, children)) for name, pid in pids.items()
    }


def memory(pids: Mapping[str, int]) -> dict[str, Memory]:
    """Memory of each process and its descendants; empty where /proc is not Linux's."""
    if platform.system() != "Linux":
        return {}
    children = _children()
    return {name: _memory(list(_tree(pid, children))) for name, pid in pids.items()}


def _children() -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has ended
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    return children


def _tree(pid: int, children: Mapping[int, list[int]]) -> Iterator[int]:
    yield pid
    for child in children.get(pid, []):
        yield from _tree(child, children)


def _own_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pids: list[int]) -> Memory:
    pss = rss = 0.0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        kib = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:]}
        pss += kib["Pss"] / 1024
        rss += kib["Rss"] / 1024
    return Memory(pss, rss, len(pids))
