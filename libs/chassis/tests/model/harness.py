"""The model client against the simulator, over HTTP on a free loopback port."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from lingxi_chassis.model.client import ModelClient
from lingxi_chassis.model.messages import Again, ChatMessage, ChatRequest, Completion, Delta
from lingxi_chassis.model.tries import RetryPolicy
from lingxi_simulator.faults import RULES
from lingxi_simulator.server import Running, start

QUICK = RetryPolicy(budget_seconds=2.0, pause_seconds=0.01, pause_seconds_max=0.02)
QUIET_SECONDS = 0.3


def asks(text: str = "hello", **more: Any) -> ChatRequest:
    return ChatRequest([ChatMessage("user", text)], **more)


@dataclass(frozen=True)
class Harness:
    """A simulator and a client that impatiently asks it."""

    running: Running
    client: ModelClient

    def fault(self, **rule: object) -> None:
        self.running.simulator.faults.add(RULES.validate_python([rule]))

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The requests that came, oldest first."""
        return cast(list[dict[str, Any]], self.running.simulator.journal.since(0)["requests"])

    async def stream(self, request: ChatRequest) -> tuple[str, Completion]:
        """The deltas of the last try joined, and the completion."""
        said: list[str] = []
        async with aclosing(self.client.stream(request)) as parts:
            async for part in parts:
                match part:
                    case Delta():
                        said.append(part.text)
                    case Again():
                        said.clear()
                    case Completion():
                        return "".join(said), part
        raise AssertionError("no completion")


@asynccontextmanager
async def harness(**settings: Any) -> AsyncGenerator[Harness]:
    running = await start()
    given: dict[str, Any] = {
        "concurrency": 4,
        "deadline_seconds": 5.0,
        "quiet_seconds": QUIET_SECONDS,
        "retries": QUICK,
    }
    client = ModelClient(running.base_url, "sk-secret", "default-model", **(given | settings))
    try:
        yield Harness(running, client)
    finally:
        await client.close()
        await running.close()
