"""What requests cost in statements, writes, requests and events: numbers that never vary.

They are held against `baseline.json`. A number that rose is a step back; one that fell is to be
recorded, with `make bench ARGS="--only costs --record"`, so that it can't rise again unseen.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import orjson

from benchmarks.client import Client
from benchmarks.counting import Counted, Counter
from benchmarks.turns import TEXT

BASELINE = Path(__file__).parent / "baseline.json"
RARE_WORDS = "Did the quokka by the jetty ever come back?"
"""Something that may be recalled, unlike what everything else here is about."""
TIMES = 3
"""A number is the least of so many: a login is looked up again every few seconds."""

type Costs = Mapping[str, Counted]


async def count_costs(counter: Counter, client: Client, sessions: Mapping[int, str]) -> Costs:
    """Of a logged-in user's requests; `sessions` by length are conversations of that user."""
    await _turn(counter, client, None)  # makes the default agent
    costs: dict[str, Counted] = {}
    firsts = [await _turn(counter, client, None) for _ in range(TIMES)]
    costs["first turn of a session"] = _least_of([counted for counted, _ in firsts])
    session_id = firsts[-1][1]
    costs["turn"] = await _least(counter, client, session_id)
    costs["turn of rare words"] = await _least(counter, client, session_id, RARE_WORDS)
    for length, loaded in sessions.items():
        await _turn(counter, client, loaded)  # whoever knows the session knows it now
        costs[f"turn after {length:,} messages"] = await _least(counter, client, loaded)
    costs["page of messages"] = await _page(counter, client, session_id, 2)
    for length, loaded in sessions.items():
        costs[f"page amid {length:,} messages"] = await _page(counter, client, loaded, length // 2)
    lists = [await counter.count(client, "GET", "/api/sessions/") for _ in range(TIMES)]
    costs["page of sessions"] = _least_of([counted for counted, _ in lists])
    return costs


async def only_one_bubble(simulator: Client) -> None:
    """The model says one thing from now on: else the number of events would vary."""
    rule = {"do": "raw", "content": "One bubble."}
    status, answer = await simulator.request("POST", "/faults", [rule])
    if status != 201:
        raise RuntimeError(f"the simulator answered {status}: {answer}")


def compare(counted: Costs, baseline: Costs) -> list[str]:
    """What is not as recorded, a sentence each; what only one of the two knows is left out."""
    found: list[str] = []
    for name in counted.keys() & baseline.keys():
        now, before = asdict(counted[name]), asdict(baseline[name])
        found += [
            f"a {name} costs {now[what]} {what}, recorded are {before[what]}:"
            f" {'that is a step back' if now[what] > before[what] else 'record it (--record)'}"
            for what in now
            if now[what] != before[what]
        ]
    return sorted(found)


def read_baseline() -> dict[str, Counted]:
    """What is recorded."""
    return {name: Counted(**of) for name, of in orjson.loads(BASELINE.read_bytes()).items()}


def record(costs: Costs) -> None:
    """Make these what is recorded."""
    known = {name: asdict(counted) for name, counted in costs.items()}
    BASELINE.write_bytes(orjson.dumps(known, option=orjson.OPT_INDENT_2) + b"\n")


async def _turn(
    counter: Counter, client: Client, session_id: str | None, text: str = TEXT
) -> tuple[Counted, str]:
    said = {"message": text} | ({"session_id": session_id} if session_id else {})
    counted, answer = await counter.count(client, "POST", "/api/chat/", said, turn=True)
    return counted, answer["session_id"]


async def _least(counter: Counter, client: Client, session_id: str, text: str = TEXT) -> Counted:
    counts = [(await _turn(counter, client, session_id, text))[0] for _ in range(TIMES)]
    return _least_of(counts)


async def _page(counter: Counter, client: Client, session_id: str, before: int) -> Counted:
    path = f"/api/sessions/{session_id}/messages/?before={before}&limit=5"
    return _least_of([(await counter.count(client, "GET", path))[0] for _ in range(TIMES)])


def _least_of(counts: list[Counted]) -> Counted:
    least = counts[0]
    for counted in counts[1:]:
        pairs = zip(asdict(least).items(), asdict(counted).values(), strict=True)
        least = replace(least, **{name: min(one, another) for (name, one), another in pairs})
    return least
