"""Turns by number of clients, beside the floor: one after the other, again and again.

A machine that others use is fast in one minute and slow in the next, so only figures of the same
moments are compared: each round measures both, and the ratio is the median of the rounds' ratios.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.floor import Floor, measure_floor_apart
from benchmarks.turns import Measured, measure_turns, users
from lingxi_local.system import LocalSystem

CLIENTS = (1, 8, 16, 32)
ROUNDS = 3
SECONDS = 3.0
FLOOR_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class ByClients:
    """Rounds with so many clients. A ratio is ours to the floor's, the median of all rounds."""

    clients: int
    turns_per_second: float
    p50_ms: float
    p99_ms: float
    floor_turns_per_second: float
    floor_p50_ms: float
    ratio_turns_per_second: float
    ratio_p50: float
    cpu_ms_per_turn: dict[str, float]
    turns: int
    errors: int


async def measure_by_clients(
    system: LocalSystem, numbers: Sequence[int] = CLIENTS, rounds: int = ROUNDS
) -> list[ByClients]:
    """What the system does with so many clients at once."""
    async with users(system, max(numbers), "talker") as clients:
        measured: list[ByClients] = []
        for number in numbers:
            pairs: list[tuple[Measured, Floor]] = []
            for _ in range(rounds):
                floor = await measure_floor_apart(system, number, FLOOR_SECONDS)
                pairs.append((await measure_turns(clients[:number], system.pids, SECONDS), floor))
            measured.append(_summed_up(number, pairs))
        return measured


def _summed_up(number: int, pairs: Sequence[tuple[Measured, Floor]]) -> ByClients:
    def middle(of: Callable[[Measured, Floor], float]) -> float:
        return median(of(ours, floor) for ours, floor in pairs)

    return ByClients(
        clients=number,
        turns_per_second=middle(lambda ours, _: ours.turns_per_second),
        p50_ms=middle(lambda ours, _: ours.p50_ms),
        p99_ms=middle(lambda ours, _: ours.p99_ms),
        floor_turns_per_second=middle(lambda _, floor: floor.turns_per_second),
        floor_p50_ms=middle(lambda _, floor: floor.p50_ms),
        ratio_turns_per_second=middle(
            lambda ours, floor: ours.turns_per_second / floor.turns_per_second
        ),
        ratio_p50=middle(lambda ours, floor: ours.p50_ms / floor.p50_ms),
        cpu_ms_per_turn={
            name: median(ours.cpu_ms_per_turn[name] for ours, _ in pairs)
            for name in pairs[0][0].cpu_ms_per_turn
        },
        turns=sum(ours.turns for ours, _ in pairs),
        errors=sum(ours.errors for ours, _ in pairs),
    )
