"""What the machine did meanwhile: CPU time of processes, and how fast it makes writes durable."""

import os
import platform
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from time import perf_counter

FSYNC_ROUNDS = 200
FSYNC_BYTES = 4096


def cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """CPU time each process and its descendants used so far; empty where /proc is not Linux's."""
    if platform.system() != "Linux":
        return {}
    children = _children()
    return {name: _tree_seconds(pid, children) for name, pid in pids.items()}


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


def _tree_seconds(pid: int, children: Mapping[int, list[int]]) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return own + sum(_tree_seconds(child, children) for child in children.get(pid, []))


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
