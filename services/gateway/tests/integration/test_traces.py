"""One turn is one trace, from the HTTP request to the model and back into the log."""

from collections.abc import Sequence

import pytest

from lingxi_chassis.ids import new_id
from services.gateway.tests.integration.running import Lingxi
from tests.fixtures.collecting import Collector, Span
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECONDS_MAX = 60.0


def path(spans: Sequence[Span], name: str) -> list[str]:
    """From the first span of a trace to the one of this name."""
    by_id = {span.span_id: span for span in spans}
    (at,) = [span for span in spans if span.name == name]
    names = [f"{at.kind} {at.name}"]
    while at.parent_id:
        at = by_id[at.parent_id]
        names.insert(0, f"{at.kind} {at.name}")
    return names


async def test_a_turn_is_one_connected_trace(lingxi: Lingxi, collector: Collector) -> None:
    user = await lingxi.user()
    marker = f"marker-{new_id()}"
    parameters = {"personality_prompt": marker, "model": marker}
    body = {"name": marker, "parameters": parameters}
    agent = await user.send("POST", "/api/agents/", body, 201)
    await user.say(marker, agent_id=agent["id"])
    post = "POST /api/chat/"

    # Spans come as they end. Whole: the cause of each is there, and one alone has none.
    def whole() -> bool:
        spans = collector.trace_of(post)
        ids = {span.span_id for span in spans}
        first = [span.name for span in spans if span.parent_id not in ids]
        return first == [post] and "turn" in {span.name for span in spans}

    await eventually(whole, SECONDS_MAX)
    spans = collector.trace_of(post)
    to_the_turn = [
        f"server {post}",
        "client chat.rpc.post_message",
        "server chat.rpc.post_message",
        "internal turn",
    ]
    assert path(spans, "model reply") == [*to_the_turn, "client model reply"]
    asks, answers, turn = (
        next(span for span in spans if (span.kind, span.name) == (kind, name))
        for kind, name in (
            ("client", "chat.rpc.post_message"),
            ("server", "chat.rpc.post_message"),
            ("internal", "turn"),
        )
    )
    assert answers.parent_id == asks.span_id
    for statement in ("select streams", "append"):
        assert {"client"} == {
            span.kind
            for span in spans
            if (span.name, span.parent_id) == (statement, answers.span_id)
        }
    asked = [span for span in spans if span.name == "agent.rpc.get_profile"]
    assert {span.kind for span in asked} == {"client", "server"}
    outcome = [span for span in spans if span.name == "append" and span.parent_id == turn.span_id]
    assert len(outcome) == 1
    assert not [span.name for span in spans if span.failed]
    assert marker not in str(collector.spans)


async def test_what_hears_of_an_event_is_in_the_trace_of_its_cause(
    lingxi: Lingxi, collector: Collector
) -> None:
    user = await lingxi.user()
    parameters = {"personality_prompt": "You are calm."}
    agent = await user.send("POST", "/api/agents/", {"name": "A", "parameters": parameters}, 201)
    assert agent["name"] == "A"
    post = "POST /api/agents/"

    def heard() -> bool:
        names = {span.name for span in collector.trace_of(post)}
        return {post, "chat-remember_agent"} <= names

    await eventually(heard, SECONDS_MAX)
    spans = collector.trace_of(post)
    assert path(spans, "chat-remember_agent") == [
        f"server {post}",
        "client agent.rpc.create_agent",
        "server agent.rpc.create_agent",
        "consumer chat-remember_agent",
    ]


async def test_a_refusal_is_an_answer_and_no_client_chooses_its_trace(
    lingxi: Lingxi, collector: Collector
) -> None:
    user = await lingxi.user()
    foreign = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{foreign}-00f067aa0ba902b7-01"}
    await user.request("GET", f"/api/sessions/{new_id()}/", 404, headers=headers)
    get = "GET /api/sessions/{session_id}/"
    await eventually(lambda: bool(collector.trace_of(get)), SECONDS_MAX)
    spans = collector.trace_of(get)
    assert foreign not in {span.trace_id for span in spans}
    request = next(span for span in spans if span.name == get)
    assert request.facts["http.response.status_code"] == "int_value: 404"
    assert not [span.name for span in spans if span.failed]
