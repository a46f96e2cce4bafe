"""The summarizer as it runs, beside real chat and agent and a simulated model."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from lingxi_chassis.process import Stop
from lingxi_contracts.agent import ListMemories, MemoryView
from lingxi_contracts.chat import SessionView
from lingxi_contracts.envelope import Envelope
from lingxi_contracts.subjects import event_filter
from lingxi_summarizer import bootstrap
from lingxi_summarizer.settings import Settings
from services.chat.tests.component.harness import RunningChat
from tests.fixtures.waiting import eventually

DONE_SECONDS_MAX = 60.0
THINKING_SECONDS = 45
"""Long enough for a test to do something meanwhile, and then let the model go on: `heal`."""
SUMMARY, REVIEW = "You keep the memory", "You look after the character"
"""How the two questions begin."""


def summarizer_settings(chat: RunningChat, **more: Any) -> Settings:
    """For a summarizer beside this chat, with the same model."""
    return Settings.model_validate(
        {
            "NATS_URL": chat.settings.nats_url,
            "LINGXI_INTERNAL_PORT": 0,
            "OPENAI_BASE_URL": chat.settings.openai_base_url,
            "OPENAI_MODEL": chat.settings.openai_model,
            "LINGXI_SUMMARY_SETTLE_MS": 0,
            **more,
        }
    )


@asynccontextmanager
async def summarizing(chat: RunningChat, **more: Any) -> AsyncGenerator[None]:
    """A summarizer works while the context is open."""
    stop = Stop()
    async with bootstrap.start(summarizer_settings(chat, **more), stop):
        yield
    assert not stop.failed


async def talk(
    chat: RunningChat, texts: Sequence[str], session_id: UUID | None = None, **fields: Any
) -> UUID:
    """Say these one after another, each answered; the session."""
    for text in texts:
        said = await chat.say(text, session_id, **({} if session_id else fields))
        assert said.status == "answered"
        session_id = said.session_id
    assert session_id is not None
    return session_id


async def covered(chat: RunningChat, session_id: UUID, seq: int = 1) -> SessionView:
    """The session once its summary reaches that far."""

    async def reaches() -> bool:
        return (await chat.session(session_id)).covers_up_to >= seq

    await eventually(reaches, DONE_SECONDS_MAX)
    return await chat.session(session_id)


async def all_done(chat: RunningChat, session_id: UUID) -> SessionView:
    """The session once nothing of it is due any more."""
    due = [data["to_seq"] for name, data in await chat.events(session_id) if name == "summary_due"]
    return await covered(chat, session_id, max(due))


async def written(chat: RunningChat, session_id: UUID) -> list[tuple[int, int]]:
    """The ranges of the recorded summaries."""
    return [
        (data["covers_from"], data["covers_up_to"])
        for name, data in await chat.events(session_id)
        if name == "summary_written"
    ]


async def memories(chat: RunningChat, agent_id: UUID) -> tuple[MemoryView, ...]:
    """What the agent knows of the user."""
    page = await chat.ask(ListMemories(user_id=chat.user_id, agent_id=agent_id))
    return page.results


async def questions(chat: RunningChat, task: str, marker: str) -> list[str]:
    """The transcripts of each question of that kind with this in it, oldest first."""
    prompts = await chat.model.prompts(marker)
    return [prompt[-1]["content"] for prompt in prompts if task in prompt[0]["content"]]


async def asked(
    chat: RunningChat, task: str, marker: str, seconds_max: float = 60.0, times: int = 1
) -> None:
    """Return once so many questions of that kind with this in it have come."""
    seen = came = 0

    async def enough() -> bool:
        nonlocal seen, came
        told = (await chat.model.http.get("/requests", params={"since": seen})).json()
        seen = told["last"]
        prompts = [request["body"]["messages"] for request in told["requests"]]
        came += sum(task in one[0]["content"] and marker in one[-1]["content"] for one in prompts)
        return came >= times

    await eventually(enough, seconds_max)


async def due_events(chat: RunningChat, session_id: UUID, name: str) -> list[Envelope]:
    """The published events of that name about a session, oldest first."""
    logged = await chat.logged(session_id)
    found: list[Envelope] = []
    reader = await chat.nats.jetstream().pull_subscribe(event_filter("chat", name))
    try:

        async def all_there() -> bool:
            for message in await reader.fetch(1, 5):
                event = Envelope.model_validate_json(message.data)
                if event.subject == session_id:
                    found.append(event)
            return len(found) == logged.count(name)

        await eventually(all_there)
    finally:
        await reader.unsubscribe()
    return found
