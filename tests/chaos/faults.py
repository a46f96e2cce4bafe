"""A seeded plan of faults: who is killed, paused, cut off, slow, or answers nonsense, and when."""

import random
from dataclasses import dataclass
from typing import Literal

SERVICES = ("gateway", "chat", "agent", "summarizer", "scheduler")
SERVERS = ("nats", "postgres")
QUIET_SECONDS = 3.0
"""At the start of a run, so that users are there."""

SECONDS = (0.2, 5.0)
LONG_SECONDS = (15.0, 25.0)
"""One pause in five: whoever was paused comes back to leases and connections that ended."""

type Kind = Literal["kill", "pause", "cut", "delay", "lose_answers", "lose_store", "model"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `seconds` is how long it lasts, where it lasts."""

    at_seconds: float
    kind: Kind
    victim: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.at_seconds:5.1f} s  {self.kind} {self.victim} {self.seconds:.1f} s"


def plan(seed: int, seconds: float, every_seconds: float = 2.0) -> list[Fault]:
    """The faults of a run, in order; the same for the same seed."""
    chance = random.Random(f"plan/{seed}")
    faults: list[Fault] = []
    at = QUIET_SECONDS
    while at < seconds:
        kind: Kind = chance.choices(
            ("kill", "pause", "cut", "delay", "lose_answers", "lose_store", "model"),
            (35, 20, 12, 10, 8, 3, 12),
        )[0]
        match kind:
            case "kill" | "pause":
                # Servers more seldom: everything waits for them to come back.
                victim = chance.choices((*SERVICES, *SERVERS), (15, 30, 10, 10, 15, 12, 8))[0]
            case "cut" | "delay" | "lose_answers":
                victim = chance.choice(SERVERS)
            case "lose_store":
                victim = "nats"
            case "model":
                victim = chance.choice(("status 500", "status 429", "empty", "hang", "cut"))
        long = kind == "pause" and chance.random() < 0.2
        lasts = chance.uniform(*(LONG_SECONDS if long else SECONDS))
        faults.append(Fault(at, kind, victim, lasts))
        at += chance.uniform(0.5, 1.5) * every_seconds
    return faults
