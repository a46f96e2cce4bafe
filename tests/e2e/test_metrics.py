"""What the services measure, on the running system."""

import re

import httpx

from lingxi_local.services import SERVICES
from tests.e2e.client import User
from tests.e2e.metrics import metrics_of
from tests.fixtures.system import RunningSystem
from tests.fixtures.waiting import eventually
from tests.observability.files import all_metrics

UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")

READ_SECONDS_MAX = 60.0


async def test_a_turn_is_measured_where_it_passes(system: RunningSystem, user: User) -> None:
    gateway, chat, agent = [await metrics_of(system, name) for name in ("gateway", "chat", "agent")]
    await user.say("Good morning.")
    now = await metrics_of(system, "gateway")
    posts = {"method": "POST", "route": "/api/chat/"}
    for name, labels in (
        ("lingxi_http_requests_total", {**posts, "status": "200"}),
        ("lingxi_http_answer_seconds_count", posts),
        ("lingxi_rpc_call_seconds_count", {"request": "chat.post_message"}),
    ):
        assert now.total(name, **labels) > gateway.total(name, **labels), name
    # Its outcome is counted right after the answer has gone out.
    answered = chat.total("lingxi_turns_total", outcome="answered")

    async def counted() -> bool:
        spoken = await metrics_of(system, "chat")
        return spoken.total("lingxi_turns_total", outcome="answered") > answered

    await eventually(counted)
    now = await metrics_of(system, "chat")
    for name, labels in (
        ("lingxi_turn_seconds_count", {"stage": "whole"}),
        ("lingxi_first_token_overhead_seconds_count", {}),
        ("lingxi_model_calls_total", {"kind": "reply", "outcome": "ok"}),
        ("lingxi_model_first_token_seconds_count", {"kind": "reply"}),
        ("lingxi_model_tokens_total", {"direction": "written"}),
        ("lingxi_rpc_served_seconds_count", {"request": "chat.post_message"}),
    ):
        assert now.total(name, **labels) > chat.total(name, **labels), name
    now = await metrics_of(system, "agent")
    served = {"request": "agent.get_profile", "outcome": "answered"}
    name = "lingxi_rpc_served_seconds_count"
    assert now.total(name, **served) > agent.total(name, **served)


async def test_every_gauge_is_read_and_no_label_is_an_id(system: RunningSystem, user: User) -> None:
    await user.say("Good evening.")
    for service in SERVICES:
        name = service.name

        async def all_read(name: str = name) -> bool:
            readings = (await metrics_of(system, name)).samples["lingxi_reading_ok"]
            return all(value == 1 for _, value in readings)

        await eventually(all_read, READ_SECONDS_MAX)
        metrics = await metrics_of(system, name)
        assert [value for value in metrics.label_values() if UUID.search(value)] == []


async def test_what_dashboards_and_alerts_read_is_measured(system: RunningSystem) -> None:
    measured = {"up"}  # Prometheus' own
    for service in SERVICES:
        measured |= (await metrics_of(system, service.name)).names
    missing = {name: where for name, where in all_metrics().items() if name not in measured}
    assert missing == {}


async def test_metrics_are_not_public(http: httpx.AsyncClient) -> None:
    answer = await http.get("/metrics")
    assert answer.status_code == 404
