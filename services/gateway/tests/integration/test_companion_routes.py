"""Memories and suggestions through HTTP. What the summarizer would say is said here."""

from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from lingxi_chassis.bus import connect
from lingxi_chassis.ids import new_id
from lingxi_chassis.process import Stop
from lingxi_chassis.rpc import RpcClient
from lingxi_contracts.agent import Evidence, LearnedFact, RecordMemories, RecordReview
from lingxi_scheduler import bootstrap
from lingxi_scheduler.settings import Settings
from services.gateway.tests.integration.running import Lingxi, User
from services.gateway.tests.integration.test_feed import until
from tests.e2e.feed import feed
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")
TOLD = "You have a cat. 你好 \u2028"


class Companion:
    """A user with an agent and a session, and what is concluded from it."""

    def __init__(self, lingxi: Lingxi, user: User, agent_id: str, session_id: str) -> None:
        self.user = user
        self.agent_id = agent_id
        self.session_id = session_id
        self._nats_url = lingxi.nats_url

    @property
    def memories(self) -> str:
        return f"/api/agents/{self.agent_id}/memories/"

    def of_session(self, rest: str) -> str:
        return f"/api/sessions/{self.session_id}/{rest}/"

    async def learn(self, *texts: str) -> list[Any]:
        """Facts of the session; all that the agent knows then."""
        facts = tuple(LearnedFact(text=text, message_ids=(new_id(),)) for text in texts)
        async with connect(self._nats_url, "tester") as nats:
            await RpcClient(nats).call(
                RecordMemories(
                    user_id=self.user.user_id,
                    agent_id=UUID(self.agent_id),
                    session_id=UUID(self.session_id),
                    covers_from=1,
                    covers_up_to=10,
                    facts=facts,
                )
            )
        return (await self.user.get(self.memories))["results"]

    async def review(self, to_seq: int, text: str = "Short.", confidence: float = 0.5) -> Any:
        """What a review suggests; the session's suggestion then."""
        async with connect(self._nats_url, "tester") as nats:
            await RpcClient(nats).call(
                RecordReview(
                    user_id=self.user.user_id,
                    agent_id=UUID(self.agent_id),
                    session_id=UUID(self.session_id),
                    to_seq=to_seq,
                    based_on_version=(await self.agent())["personality_version"],
                    should_update=True,
                    reason="You said so.",
                    suggested_personality=text,
                    confidence=confidence,
                    evidence=(Evidence(session_id=UUID(self.session_id), message_id=new_id()),),
                )
            )
        return await self.user.get(self.of_session("personality-suggestion"))

    async def agent(self) -> Any:
        return await self.user.get(f"/api/agents/{self.agent_id}/")


@pytest_asyncio.fixture(loop_scope="module")
async def companion(lingxi: Lingxi) -> Companion:
    return await companion_of(lingxi)


async def companion_of(lingxi: Lingxi) -> Companion:
    user = await lingxi.user()
    document = {"name": "Lin", "parameters": {"personality_prompt": "Calm."}}
    agent = await user.send("POST", "/api/agents/", document, 201)
    session = await user.send("POST", "/api/sessions/", {"agent_configuration": agent["id"]}, 201)
    return Companion(lingxi, user, agent["id"], session["id"])


async def test_memories_are_shown_changed_and_forgotten(companion: Companion) -> None:
    user = companion.user
    assert await user.get(companion.memories) == {"results": []}
    cat, tea = sorted(await companion.learn(TOLD, "You like tea."), key=lambda one: one["text"])
    assert (cat["text"], cat["by_user"]) == (TOLD, False)
    assert cat["evidence"][0]["session_id"] == companion.session_id
    path = f"{companion.memories}{cat['id']}/"
    for _ in range(2):
        changed = await user.send("PATCH", path, {"text": "I have two cats."})
        assert (changed["text"], changed["by_user"]) == ("I have two cats.", True)
        assert changed["created_at"] == cat["created_at"] < changed["updated_at"]
        assert changed in (await user.get(companion.memories))["results"]
    assert await user.send("DELETE", path, status=204) is None
    assert (await user.get(companion.memories))["results"] == [tea]
    for method, body in (("PATCH", {"text": "x"}), ("DELETE", None)):
        assert (await user.send(method, path, body, 404))["code"] == "memory_not_found"


async def test_a_feed_of_one_session_tells_its_suggestions(
    lingxi: Lingxi, companion: Companion
) -> None:
    """Guards `session_of`: they are events of the agent. Live, and when somebody comes back."""
    user, of_agent = companion.user, {"agent_configuration": companion.agent_id}
    session = await user.send("POST", "/api/sessions/", of_agent, 201)
    elsewhere = Companion(lingxi, user, companion.agent_id, session["id"])
    only = {"session_id": companion.session_id}
    async with feed(user.http, headers=user.headers, **only) as told:
        await until(told, "ready")
        await elsewhere.review(20)
        suggestion = (await companion.review(20))["suggestion"]
        live = (await until(told, "personality_suggested"))[-1]
    await elsewhere.review(40)
    await user.send("POST", elsewhere.of_session("personality-dismiss"))
    await user.send("POST", companion.of_session("personality-dismiss"))
    async with feed(user.http, live.id, user.headers, **only) as told:
        missed = (await until(told, "personality_suggestion_closed"))[-1]
    assert live.data["suggestion"] == suggestion
    assert missed.data["suggestion_id"] == suggestion["id"]
    assert {one.data["session_id"] for one in (live, missed)} == {companion.session_id}


async def test_memories_of_others_are_unknown(lingxi: Lingxi, companion: Companion) -> None:
    (known,) = await companion.learn(TOLD)
    other = await companion_of(lingxi)
    (own,) = await other.learn("Mine.")
    beside = await companion.user.send("POST", "/api/agents/", {"name": "Mei"}, 201)
    tries = (
        (other.user, other.agent_id, known["id"], "memory_not_found"),
        (other.user, companion.agent_id, known["id"], "agent_not_found"),
        (other.user, companion.agent_id, own["id"], "agent_not_found"),
        (companion.user, beside["id"], known["id"], "memory_not_found"),
        (companion.user, companion.agent_id, companion.agent_id, "memory_not_found"),
        (companion.user, known["id"], known["id"], "agent_not_found"),
        (companion.user, companion.agent_id, "no-id", "memory_not_found"),
    )
    for user, agent_id, memory_id, code in tries:
        path = f"/api/agents/{agent_id}/memories/{memory_id}/"
        for method, body in (("PATCH", {"text": "x"}), ("DELETE", None)):
            assert (await user.send(method, path, body, 404))["code"] == code, path
    assert (await companion.user.get(companion.memories))["results"] == [known]
    # An id is an agent's or a memory's; each is unknown where the other is asked for.
    as_agent = f"/api/agents/{known['id']}/"
    for method in ("GET", "DELETE"):
        answer = await companion.user.send(method, as_agent, None, 404)
        assert answer["code"] == "agent_not_found"


async def test_a_suggestion_is_shown_and_applied(companion: Companion) -> None:
    user = companion.user
    none = {"session_id": companion.session_id, "has_suggestion": False}
    assert await user.get(companion.of_session("personality-suggestion")) == none
    told = await companion.review(20)
    assert told["has_suggestion"]
    assert told["suggestion"] | {"id": None, "evidence": None} == {
        "id": None,
        "should_update": True,
        "reason": "You said so.",
        "suggested_personality": "Short.",
        "confidence": 0.5,
        "based_on_version": 1,
        "evidence": None,
    }
    update = companion.of_session("personality-update")
    applied = await user.send("POST", update, {})
    assert applied == {"success": True, "personality_prompt": "Short."}
    assert (await user.send("POST", update, {}, 404))["code"] == "suggestion_not_found"
    assert await user.get(companion.of_session("personality-suggestion")) == none
    await companion.review(40, "Shorter.")
    edited = await user.send("POST", update, {"suggested_personality": "As I like it."})
    assert edited["personality_prompt"] == "As I like it."
    history = await user.get(f"/api/agents/{companion.agent_id}/personality/history/")
    newest = history["results"][0]
    assert (newest["source"], newest["reason"], newest["confidence"]) == (
        "suggestion",
        "You said so.",
        0.5,
    )
    assert newest["evidence"][0]["session_id"] == companion.session_id


async def test_a_suggestion_is_dismissed_or_lapses(companion: Companion) -> None:
    user = companion.user
    await companion.review(20)
    personality = f"/api/agents/{companion.agent_id}/personality/"
    await user.send("PUT", personality, {"personality_prompt": "Mine."})
    closed: list[tuple[str, Any]] = [("personality-update", {}), ("personality-dismiss", None)]
    for rest, body in closed:
        refused = await user.send("POST", companion.of_session(rest), body, 404)
        assert refused["code"] == "suggestion_not_found"
    await companion.review(40)
    dismissed = await user.send("POST", companion.of_session("personality-dismiss"))
    assert dismissed == {"success": True}
    assert not (await companion.review(60))["has_suggestion"]
    assert (await companion.agent())["parameters"]["personality_prompt"] == "Mine."


@pytest_asyncio.fixture(loop_scope="module")
async def scheduler(lingxi: Lingxi, database_url: str) -> AsyncGenerator[None]:
    """An export asks every owner."""
    settings = Settings.model_validate(
        {"DATABASE_URL": database_url, "NATS_URL": lingxi.nats_url, "LINGXI_INTERNAL_PORT": 0}
    )
    bootstrap.migrate(settings)
    async with bootstrap.start(settings, Stop()):
        yield


@pytest.mark.usefixtures("scheduler")
async def test_the_export_holds_them(companion: Companion) -> None:
    known = await companion.learn(TOLD, "You like tea.")
    told = await companion.review(20)
    exported = await companion.user.get("/api/export/")
    assert exported["agents"][0]["memories"] == known
    assert exported["sessions"][0]["personality_suggestions"] == [told["suggestion"]]


async def test_a_deleted_session_takes_along_what_rests_on_it(companion: Companion) -> None:
    await companion.learn(TOLD)
    await companion.review(20)
    await companion.user.send("DELETE", f"/api/sessions/{companion.session_id}/", status=204)

    async def nothing_is_known() -> bool:
        return (await companion.user.get(companion.memories))["results"] == []

    await eventually(nothing_is_known)
    routes: list[tuple[str, str, Any]] = [
        ("GET", "personality-suggestion", None),
        ("POST", "personality-update", {}),
        ("POST", "personality-dismiss", None),
    ]
    for method, rest, body in routes:
        gone = await companion.user.send(method, companion.of_session(rest), body, 404)
        assert gone["code"] == "session_not_found"
