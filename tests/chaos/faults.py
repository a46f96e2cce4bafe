"""A seeded plan of faults: who is killed, paused, cut off, or answers nonsense, and when."""

import random
from dataclasses import dataclass
from typing import Literal

SERVICES = ("gateway", "chat", "agent")
SERVERS = ("nats", "postgres")
QUIET_SECONDS = 3.0
"""At the start of a run, so that users are there."""

type Kind = Literal["kill", "pause", "cut", "lose_answers", "lose_store", "model"]


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
            ("kill", "pause", "cut", "lose_answers", "lose_store", "model"),
            (35, 20, 15, 10, 3, 17),
        )[0]
        match kind:
            case "kill" | "pause":
                # Servers more seldom: everything waits for them to come back.
                victim = chance.choices((*SERVICES, *SERVERS), (20, 40, 15, 15, 10))[0]
            case "cut" | "lose_answers":
                victim = chance.choice(SERVERS)
            case "lose_store":
                victim = "nats"
            case "model":
                victim = chance.choice(("status 500", "status 429", "empty", "hang", "cut"))
        faults.append(Fault(at, kind, victim, chance.uniform(0.2, 5.0)))
        at += chance.uniform(0.5, 1.5) * every_seconds
    return faults
