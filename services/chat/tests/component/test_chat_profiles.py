"""What chat knows of agents without asking: never longer than until agent tells of a change."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import override
from uuid import UUID

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from lingxi_chassis.bus import connect
from lingxi_chassis.ids import new_id
from lingxi_chassis.rpc import TIMEOUT_SECONDS, RpcClient
from lingxi_chat.adapters import agents
from lingxi_chat.adapters.agents import RemoteProfiles
from lingxi_contracts.agent import (
    AgentProfile,
    ChangeAgent,
    ChangePersonality,
    DeleteAgent,
    ForgetMemory,
    LearnedFact,
    ListMemories,
    RecordMemories,
)
from lingxi_contracts.base import Answer, Request
from lingxi_contracts.errors import AgentNotFound
from lingxi_contracts.subjects import PROFILES_CHANGED
from services.chat.tests.component.harness import RunningChat
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


class HeldUp(RpcClient):
    """Answers come over when they are let through."""

    def __init__(self, nats: Client) -> None:
        super().__init__(nats)
        self.come = asyncio.Event()
        self.through = asyncio.Event()

    @override
    async def call[A: Answer](
        self, request: Request[A], timeout_seconds: float = TIMEOUT_SECONDS, *, owner: str = ""
    ) -> A:
        answer = await super().call(request, timeout_seconds, owner=owner)
        self.come.set()
        await self.through.wait()
        return answer


@dataclass(frozen=True, slots=True)
class Replica:
    """Profiles as a replica of chat has them. Its commands go out on its own connection: as when a
    gateway posts for who was just answered, agent's word comes before the answer."""

    chat: RunningChat
    nats: Client
    rpc: RpcClient
    profiles: RemoteProfiles
    agent_id: UUID

    async def profile(self, about: str = "") -> AgentProfile:
        return await self.profiles.profile(self.chat.user_id, self.agent_id, about)

    async def change(self, personality: str) -> None:
        command = ChangePersonality(
            user_id=self.chat.user_id, agent_id=self.agent_id, personality_prompt=personality
        )
        await RpcClient(self.nats).call(command)

    async def learn(self, covers_from: int, *texts: str) -> None:
        command = RecordMemories(
            user_id=self.chat.user_id,
            agent_id=self.agent_id,
            session_id=new_id(),
            covers_from=covers_from,
            covers_up_to=covers_from + 9,
            facts=tuple(LearnedFact(text=text, message_ids=(new_id(),)) for text in texts),
        )
        await RpcClient(self.nats).call(command)


@asynccontextmanager
async def replica(
    chat: RunningChat, rpc: type[RpcClient] = RpcClient, *, hears: bool = True
) -> AsyncGenerator[Replica]:
    """With a new agent. Not `hears`: all words are lost on their way to it."""
    agent_id = await chat.agent("old", f"Mo {new_id()}")
    async with connect(chat.settings.nats_url, "tester") as nats:
        asks = rpc(nats)
        profiles = RemoteProfiles(asks)
        if hears:
            await profiles.listen(nats)
            await nats.flush()
        else:
            async with connect(chat.settings.nats_url, "tester") as lost:
                await profiles.listen(lost)
        yield Replica(chat, nats, asks, profiles, agent_id)


async def test_a_profile_is_asked_for_once_until_something_changes(chat: RunningChat) -> None:
    """Guards `RemoteProfiles.profile`: nothing that agent tells of is answered from memory."""
    async with replica(chat) as here:
        user_id, agent_id = chat.user_id, here.agent_id
        assert [(await here.profile()).personality_prompt for _ in range(3)] == ["old"] * 3
        assert here.rpc.calls == 1
        for number in range(10):
            await here.change(f"{number}")
            assert (await here.profile()).personality_prompt == f"{number}"
        assert here.rpc.calls == 11
        other = RpcClient(here.nats)
        await other.call(ChangeAgent(user_id=user_id, agent_id=agent_id, patch={"name": "Lu"}))
        assert (await here.profile()).name == "Lu"
        await here.learn(1, "Likes tea.")
        assert (await here.profile()).memories == ("Likes tea.",)
        (memory,) = (await other.call(ListMemories(user_id=user_id, agent_id=agent_id))).results
        forget = ForgetMemory(user_id=user_id, agent_id=agent_id, memory_id=memory.memory_id)
        await other.call(forget)
        assert (await here.profile()).memories == ()
        await other.call(DeleteAgent(user_id=user_id, agent_id=agent_id))
        with pytest.raises(AgentNotFound):
            await here.profile()


async def test_what_changes_with_others_is_nothing_to_ask_about(chat: RunningChat) -> None:
    async with replica(chat) as here:
        before = await here.profile()
        async with replica(RunningChat(chat.rpc, chat.nats, chat.pool, chat.settings, chat.model)):
            await here.nats.flush()
        assert await here.profile() == before
        assert here.rpc.calls == 1


async def test_a_word_that_nobody_has_taken_yet_counts(chat: RunningChat) -> None:
    """Guards `RemoteProfiles._hears_all`: a post that comes right behind a word may be looked at
    before it."""
    async with replica(chat, hears=False) as here:
        seen: list[str] = []

        async def told(_: Msg) -> None:
            seen.append((await here.profile()).personality_prompt)

        # The server hands a word to one after the other, in an order of its own: few of these come
        # after the profiles' own.
        for _ in range(8):
            await here.nats.subscribe(PROFILES_CHANGED, cb=told)
        await here.profiles.listen(here.nats)
        await here.nats.flush()
        for number in range(1, 4):
            await here.profile()
            await here.change(f"{number}")
            await eventually(lambda number=number: len(seen) == 8 * number)
        assert seen == ["1"] * 8 + ["2"] * 8 + ["3"] * 8


async def test_an_answer_that_a_change_overtakes_is_not_kept(chat: RunningChat) -> None:
    """Guards `words == self._words`: it tells what was, and the word about it was heard before."""
    async with replica(chat, HeldUp) as here:
        assert isinstance(here.rpc, HeldUp)
        asking = asyncio.create_task(here.profile())
        await here.rpc.come.wait()
        await here.change("new")
        await here.nats.flush()
        await asyncio.sleep(0)
        here.rpc.through.set()
        assert (await asking).personality_prompt == "old"
        assert (await here.profile()).personality_prompt == "new"


async def test_a_lost_word_is_made_up_for(
    chat: RunningChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards `KEPT_SECONDS`, and `doubt`, which is called when words may have been lost."""
    async with replica(chat, hears=False) as here:
        await here.profile()
        await here.change("new")
        assert (await here.profile()).personality_prompt == "old"
        here.profiles.doubt()
        assert (await here.profile()).personality_prompt == "new"

        monkeypatch.setattr(agents, "KEPT_SECONDS", 0.2)
        here.profiles.doubt()
        await here.profile()
        await here.change("newest")

        async def asked_anew() -> bool:
            return (await here.profile()).personality_prompt == "newest"

        await eventually(asked_anew)


async def test_memories_are_in_the_order_of_what_is_talked_about(chat: RunningChat) -> None:
    async with replica(chat) as here:
        await here.learn(1, "Likes tea.", "住在浦东。")
        await here.learn(11, "Has a dog.")
        assert (await here.profile("Is there TEA?")).memories[0] == "Likes tea."
        assert (await here.profile("今天浦东下雨")).memories[0] == "住在浦东。"
        assert (await here.profile("Good evening")).memories[0] == "Has a dog."
        assert (await here.profile()).memories[0] == "Has a dog."
        assert here.rpc.calls == 1


async def test_memories_that_are_not_all_of_them_are_asked_for(chat: RunningChat) -> None:
    """Guards `memories_complete`: those that fit can't be chosen from some."""
    async with replica(chat) as here:
        await here.learn(1, "Likes tea.", "住在浦东。")
        await here.learn(11, *(f"Has a friend called {n} {'x' * 400}" for n in range(12)))
        for about, first in (("Some TEA", "Likes tea."), ("浦东", "住在浦东。")) * 2:
            assert (await here.profile(about)).memories[0] == first
        assert here.rpc.calls == 5  # the first time for all of them, too


async def test_the_next_reply_speaks_with_the_new_personality(chat: RunningChat) -> None:
    """Guards `listen` in `bootstrap.start`: as its users see it."""
    agent_id = await chat.agent("You like tea.", f"Mo {new_id()}")
    said = await chat.say("What do you like?", agent_id=agent_id)
    for thing in ("coffee", "water", "milk"):
        command = ChangePersonality(
            user_id=chat.user_id, agent_id=agent_id, personality_prompt=f"You like {thing}."
        )
        await chat.ask(command)
        await chat.say(f"What of {thing}?", said.session_id)
        (prompt,) = await chat.model.prompts(f"What of {thing}?")
        assert f"You like {thing}." in prompt[0]["content"]
