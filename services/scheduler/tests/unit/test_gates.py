"""Each gate alone, and in order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from lingxi_contracts.agent import AgentParameters, AgentTimings, QuietHours
from lingxi_scheduler.domain.gates import Standing, first_closed, unwanted
from lingxi_scheduler.domain.manners import Manners, manners_of

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ALL_OPEN = Standing(Manners(), ZoneInfo("UTC"), sent_today=0, unanswered=0, message_count=5)
QUIET = Manners(quiet_hours=QuietHours(start="11:00", end="13:30"))


def test_with_every_gate_open_the_model_may_be_asked() -> None:
    assert first_closed(ALL_OPEN, NOON) is None


def test_gates_are_looked_at_in_order_and_each_closes_alone() -> None:
    closing = [
        ("off", {"manners": Manners(behaviour="off")}, None),
        ("unread", {"unread": True}, None),
        ("quiet_hours", {"manners": QUIET}, NOON + timedelta(minutes=90)),
        ("daily_cap", {"sent_today": 3}, NOON + timedelta(hours=12)),
        ("unanswered", {"unanswered": 3}, None),
        ("too_few_messages", {"message_count": 4}, None),
        ("flagged", {"flagged": True}, None),
        ("turn_open", {"turn_open": True}, None),
        ("typing", {"typing": True}, NOON + timedelta(seconds=30)),
    ]
    for at, (gate, fields, next_at) in enumerate(closing):
        alone = first_closed(replace(ALL_OPEN, **fields), NOON)
        assert alone is not None
        assert (alone.gate, alone.next_at) == (gate, next_at)
        assert alone.reason.endswith(".")
        later: dict[str, object] = {}
        for _, more, _ in reversed(closing[at:]):
            later |= more
        first = first_closed(replace(ALL_OPEN, **later), NOON)
        assert first is not None
        assert first.gate == gate


@pytest.mark.parametrize(
    ("manners", "cap"),
    [
        (Manners("off"), 0),
        (Manners("conservative"), 1),
        (Manners("balanced"), 3),
        (Manners("aggressive"), 8),
        (Manners("conservative", own_daily_cap=5), 5),
    ],
)
def test_the_cap_is_the_behaviours_unless_the_agent_has_its_own(manners: Manners, cap: int) -> None:
    assert manners.daily_cap == cap
    if cap:
        assert first_closed(replace(ALL_OPEN, manners=manners, sent_today=cap - 1), NOON) is None
        full = first_closed(replace(ALL_OPEN, manners=manners, sent_today=cap), NOON)
        assert full is not None
        assert full.gate == "daily_cap"


def test_a_cap_of_none_waits_for_no_morning() -> None:
    closed = first_closed(replace(ALL_OPEN, manners=Manners(own_daily_cap=0)), NOON)
    assert closed is not None
    assert (closed.gate, closed.next_at) == ("daily_cap", None)


def test_of_what_is_decided_already_only_the_users_settings_are_asked() -> None:
    """Guards that what the session did meanwhile is left to chat, which knows it better."""
    closed = {
        "off": Manners(behaviour="off"),
        "daily_cap": Manners(own_daily_cap=0),
        "quiet_hours": QUIET,
    }
    for gate, manners in closed.items():
        found = unwanted(manners, ALL_OPEN.zone, NOON)
        assert found == first_closed(replace(ALL_OPEN, manners=manners), NOON)
        assert found is not None
        assert found.gate == gate
    assert unwanted(Manners(own_daily_cap=1), ALL_OPEN.zone, NOON) is None


def test_the_users_day_ends_at_their_midnight() -> None:
    there = replace(ALL_OPEN, zone=ZoneInfo("Pacific/Chatham"), sent_today=3)
    closed = first_closed(there, NOON)
    assert closed is not None
    assert closed.next_at == datetime(2026, 11, 23, 10, 15, tzinfo=UTC)


def test_manners_are_read_off_the_agents_settings() -> None:
    assert manners_of(AgentParameters(), None) == Manners()
    quiet = QuietHours(start="22:00", end="07:00")
    timings = AgentTimings(inactivity_check_minutes=60, quiet_hours=quiet, daily_cap=2)
    assert manners_of(AgentParameters(proactive_behavior="aggressive"), timings) == Manners(
        "aggressive", 60, quiet, 2
    )
