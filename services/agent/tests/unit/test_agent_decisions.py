"""The decisions of an agent, as given / when / then."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lingxi_agent.domain.agent import Command, evolve
from lingxi_contracts.agent import (
    AgentChanged,
    AgentCreated,
    AgentDeleted,
    AgentParameters,
    AgentTimings,
    ChangePersonality,
    CreateAgent,
    DeleteAgent,
    PersonalityChanged,
    QuietHours,
    RollBackPersonality,
)
from lingxi_contracts.errors import AgentNotFound, InvalidInput
from services.agent.tests.unit.specs import (
    AT,
    CREATED,
    FIRST,
    IDS,
    SECOND,
    given,
    patch,
    when,
)


def parameters(**known_and_unknown: Any) -> AgentParameters:
    return AgentParameters.model_validate(known_and_unknown)


def test_a_new_agent_comes_with_version_1_of_its_personality() -> None:
    command = CreateAgent(
        **IDS,
        agent_name="Mo",
        parameters=parameters(model="gpt", mood=1),
        personality_prompt="Kind.",
    )
    assert when(given(), command) == (CREATED, FIRST)


def test_creating_it_again_is_nothing_new() -> None:
    assert when(given(CREATED, FIRST), CreateAgent(**IDS, agent_name="Other")) == ()


def test_a_personality_among_a_new_agents_parameters_is_kept_in_the_ledger_alone() -> None:
    command = CreateAgent(**IDS, agent_name="Mo", parameters=parameters(personality_prompt="?"))
    created, first = when(given(), command)
    assert isinstance(created, AgentCreated)
    assert created.parameters == AgentParameters()
    assert first == PersonalityChanged(version=1, personality_prompt="", source="created")


def test_a_patch_keeps_what_it_does_not_name() -> None:
    events = when(given(CREATED, FIRST), patch({"parameters": {"temperature": 0.5}}))
    expected = parameters(model="gpt", mood=1, temperature=0.5)
    assert events == (AgentChanged(name="Mo", parameters=expected, timings=None),)


def test_a_null_in_a_patch_takes_away() -> None:
    events = when(given(CREATED, FIRST), patch({"parameters": {"model": None, "mood": None}}))
    assert events == (AgentChanged(name="Mo", parameters=AgentParameters(), timings=None),)


def test_never_applying_suggestions_by_oneself_can_be_patched() -> None:
    change = patch({"parameters": {"auto_apply_confidence": None}})
    (event,) = when(given(CREATED, FIRST), change)
    assert isinstance(event, AgentChanged)
    assert event.parameters.auto_apply_confidence is None
    assert when(given(CREATED, FIRST, event), change) == ()


def test_a_personality_in_a_patch_is_a_version_by_hand() -> None:
    events = when(given(CREATED, FIRST), patch({"parameters": {"personality_prompt": "Blunt."}}))
    assert events == (SECOND,)


def test_a_patch_may_change_everything_at_once() -> None:
    change = patch(
        {
            "name": "Lu",
            "parameters": {"personality_prompt": "Blunt."},
            "timings": {"quiet_hours": {"start": "22:00", "end": "07:30"}},
        }
    )
    timings = AgentTimings(quiet_hours=QuietHours(start="22:00", end="07:30"))
    expected = AgentChanged(name="Lu", parameters=CREATED.parameters, timings=timings)
    assert when(given(CREATED, FIRST), change) == (expected, SECOND)


def test_a_patch_reaches_into_timings() -> None:
    timings = AgentTimings(daily_cap=3, inactivity_check_minutes=9)
    agent = given(CREATED, FIRST, AgentChanged(**_with(timings)))
    events = when(agent, patch({"timings": {"daily_cap": None}}))
    assert events == (AgentChanged(**_with(AgentTimings(inactivity_check_minutes=9))),)
    assert when(agent, patch({"timings": None})) == (AgentChanged(**_with(None)),)


def _with(timings: AgentTimings | None) -> dict[str, Any]:
    return {"name": "Mo", "parameters": CREATED.parameters, "timings": timings}


def test_a_whole_document_replaces_all_it_does_not_name() -> None:
    agent = given(CREATED, FIRST, AgentChanged(**_with(AgentTimings())))
    events = when(agent, patch({"name": "Mo", "parameters": {"top_p": 1}}, replace=True))
    assert events == (
        AgentChanged(name="Mo", parameters=parameters(top_p=1), timings=None),
        PersonalityChanged(version=2, personality_prompt="", source="manual"),
    )


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"name": "Mo"},
        {"parameters": {"mood": 1, "personality_prompt": "Kind."}},
        {"timings": None},
        {"id": "another", "personality_version": 7, "created_at": None},
    ],
)
def test_a_patch_that_changes_nothing_decides_nothing(document: dict[str, Any]) -> None:
    assert when(given(CREATED, FIRST), patch(document)) == ()


@pytest.mark.parametrize("mood", [True, 1.0, "1", [1]])
def test_another_kind_of_value_is_a_change(mood: object) -> None:
    (event,) = when(given(CREATED, FIRST), patch({"parameters": {"mood": mood}}))
    assert isinstance(event, AgentChanged)
    kept = event.parameters.model_dump()["mood"]
    assert (type(kept), kept) == (type(mood), mood)


def test_a_refused_document_says_where_it_is_wrong() -> None:
    change = patch({"name": "", "parameters": {"temperature": 3}, "timings": {"daily_cap": -1}})
    with pytest.raises(InvalidInput) as refused:
        when(given(CREATED, FIRST), change)
    errors = refused.value.facts["errors"]
    assert [error["loc"] for error in errors] == [
        ["body", "name"],
        ["body", "parameters", "temperature"],
        ["body", "timings", "daily_cap"],
    ]
    assert all(set(error) == {"loc", "msg", "type"} for error in errors)


def test_a_deletion_is_decided_once() -> None:
    assert when(given(CREATED, FIRST), DeleteAgent(**IDS)) == (AgentDeleted(),)


@pytest.mark.parametrize("history", [(), (CREATED, FIRST, AgentDeleted())])
@pytest.mark.parametrize(
    "command",
    [
        patch({}),
        ChangePersonality(**IDS, personality_prompt=""),
        RollBackPersonality(**IDS, version=1),
        DeleteAgent(**IDS),
    ],
)
def test_without_an_agent_there_is_nothing_to_decide_on(
    history: tuple[Any, ...], command: Command
) -> None:
    with pytest.raises(AgentNotFound):
        when(given(*history), command)


def test_what_happens_to_no_agent_changes_nothing() -> None:
    assert given(SECOND) is None


def test_each_event_moves_the_time_of_the_last_change() -> None:
    agent = given(CREATED, FIRST)
    assert agent is not None
    later = AT + timedelta(hours=1)
    assert evolve(agent, SECOND, later) == replace(
        agent, personality_prompt="Blunt.", personality_version=2, updated_at=later
    )
