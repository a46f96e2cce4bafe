"""What a turn and a page of history take in sessions of different lengths.

One user talks, in one session after the other, so that all lengths see the same moments of the
machine. There are many of the shortest session: each is left before it has grown much. The ratio
is the median's to that of the shortest.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter

from benchmarks.client import Client
from benchmarks.turns import say

LENGTHS = (10, 1_000, 100_000)
ROUNDS = 40
TURNS = 3
"""Of each length in each round."""
PAGE_MESSAGES = 5
"""As many as the shortest session has in every place."""


@dataclass(frozen=True, slots=True)
class ByLength:
    """Medians in milliseconds, and each to that of the shortest session."""

    messages: int
    turn_ms: float
    turn_ratio: float
    page_ms: Mapping[str, float]
    page_ratio: Mapping[str, float]


async def measure_by_length(
    client: Client, sessions: Mapping[int, Sequence[str]], rounds: int = ROUNDS
) -> list[ByLength]:
    """`sessions` by length: one for all rounds, or one for each."""
    turns: dict[int, list[float]] = defaultdict(list)
    pages: dict[tuple[int, str], list[float]] = defaultdict(list)
    for at in range(rounds):
        for length, of_length in sessions.items():
            session_id = of_length[at % len(of_length)]
            await say(client, session_id)  # whoever knows the session knows it now
            for _ in range(TURNS):
                answered, seconds = await say(client, session_id)
                if answered is None:
                    raise RuntimeError("a turn was not answered")
                turns[length].append(seconds)
            await _page(client, session_id, "")  # what the user owes chat is told before a page
            for name, query in _pages(length).items():
                pages[length, name].append(await _page(client, session_id, query))
    shortest = min(sessions)
    page_ms = {place: median(seconds) * 1000 for place, seconds in pages.items()}
    return [
        ByLength(
            messages=length,
            turn_ms=median(turns[length]) * 1000,
            turn_ratio=median(turns[length]) / median(turns[shortest]),
            page_ms={name: page_ms[length, name] for name in _pages(length)},
            page_ratio={
                name: page_ms[length, name] / page_ms[shortest, name] for name in _pages(length)
            },
        )
        for length in sessions
    ]


def _pages(length: int) -> dict[str, str]:
    middle = length // 2 + PAGE_MESSAGES // 2 + 1
    return {"newest": "", "middle": f"&before={middle}", "oldest": "&after=0"}


async def _page(client: Client, session_id: str, query: str) -> float:
    path = f"/api/sessions/{session_id}/messages/?limit={PAGE_MESSAGES}{query}"
    begun = perf_counter()
    status, page = await client.request("GET", path)
    seconds = perf_counter() - begun
    if status != 200 or len(page["results"]) != PAGE_MESSAGES:
        raise RuntimeError(f"a page answered {status}: {page}")
    return seconds
