"""Reviews and suggestions, as given / when / then."""

from typing import Any
from uuid import UUID

import pytest

from lingxi_agent.domain import suggestions
from lingxi_agent.domain.agent import Agent, decide
from lingxi_agent.domain.suggestions import PENDING_MAX, REVIEW_REST_MESSAGES, Reviewed
from lingxi_contracts.agent import (
    AgentChanged,
    AgentParameters,
    ApplySuggestion,
    ChangePersonality,
    Evidence,
    PersonalityChanged,
    PersonalityReviewed,
    PersonalitySuggested,
    PersonalitySuggestion,
    PersonalitySuggestionClosed,
    RecordReview,
    RollBackPersonality,
    SuggestionOutcome,
)
from lingxi_contracts.errors import SuggestionNotFound
from lingxi_contracts.identity import suggestion_id
from services.agent.tests.unit.specs import AT, CREATED, FIRST, IDS, SECOND, given

SESSION, OTHER = UUID(int=10), UUID(int=11)
EVIDENCE = (Evidence(session_id=SESSION, message_id=UUID(int=20)),)
NEVER_REVIEWED = Reviewed()


def review(to_seq: int = 20, session_id: UUID = SESSION, **changed: Any) -> RecordReview:
    found: dict[str, Any] = {
        "based_on_version": 1,
        "should_update": True,
        "reason": "Said so.",
        "suggested_personality": "Short.",
        "confidence": 0.79,
        "evidence": EVIDENCE,
    }
    return RecordReview(**IDS, session_id=session_id, to_seq=to_seq, **(found | changed))


def reviewed(to_seq: int = 20, session_id: UUID = SESSION) -> PersonalityReviewed:
    return PersonalityReviewed(session_id=session_id, to_seq=to_seq)


def suggested(
    to_seq: int = 20, session_id: UUID = SESSION, version: int = 1
) -> PersonalitySuggested:
    return PersonalitySuggested(
        suggestion_id=suggestion_id(session_id, to_seq),
        session_id=session_id,
        reason="Said so.",
        suggested_personality="Short.",
        confidence=0.79,
        based_on_version=version,
        evidence=EVIDENCE,
    )


def closed(
    outcome: SuggestionOutcome,
    to_seq: int = 20,
    session_id: UUID = SESSION,
    rests_until_seq: int | None = None,
) -> PersonalitySuggestionClosed:
    return PersonalitySuggestionClosed(
        suggestion_id=suggestion_id(session_id, to_seq),
        session_id=session_id,
        outcome=outcome,
        rests_until_seq=rests_until_seq,
    )


def shown(event: PersonalitySuggested) -> PersonalitySuggestion:
    return PersonalitySuggestion.model_validate(event.model_dump() | {"created_at": AT})


def agent(*events: Any, **parameters: Any) -> Agent:
    spoken = AgentChanged(name="Mo", parameters=AgentParameters(**parameters), timings=None)
    made = given(CREATED, FIRST, *((spoken,) if parameters else ()), *events)
    assert made is not None
    return made


def test_a_review_that_is_not_sure_enough_suggests() -> None:
    found = suggestions.record_review(agent(), review(), NEVER_REVIEWED)
    assert found == (reviewed(), suggested())


@pytest.mark.parametrize(("wanted", "confidence"), [(0.8, 0.8), (0.0, 0.0), (0.5, 1.0)])
def test_a_review_that_is_sure_enough_is_applied(wanted: float, confidence: float) -> None:
    sure = review(confidence=confidence)
    of = agent(suggested(10), suggested(10, OTHER), auto_apply_confidence=wanted)
    changed = PersonalityChanged(
        version=2,
        personality_prompt="Short.",
        source="auto",
        reason="Said so.",
        confidence=confidence,
        evidence=EVIDENCE,
    )
    lapsed = (closed("lapsed", 10), closed("lapsed", 10, OTHER))
    assert suggestions.record_review(of, sure, NEVER_REVIEWED) == (reviewed(), changed, *lapsed)


def test_never_means_never() -> None:
    sure = review(confidence=1)
    found = suggestions.record_review(agent(auto_apply_confidence=None), sure, NEVER_REVIEWED)
    assert isinstance(found[1], PersonalitySuggested)


@pytest.mark.parametrize(
    "nothing",
    [
        {"should_update": False},
        {"suggested_personality": "Kind."},
        {"suggested_personality": ""},
        {"based_on_version": 2},
        {"to_seq": 99},
    ],
    ids=str,
)
def test_a_review_that_leads_to_nothing_is_recorded_as_one(nothing: dict[str, Any]) -> None:
    found: dict[str, Any] = {"to_seq": 20, "confidence": 1} | nothing
    command = review(found.pop("to_seq"), **found)
    rests = Reviewed(0, rests_until_seq=100 if command.to_seq == 99 else 0)
    told = suggestions.record_review(agent(), command, rests)
    assert told == (reviewed(command.to_seq),)


def test_a_review_of_an_older_version_is_never_applied() -> None:
    """A suggestion made on version 1 is not applied over a manual version 2."""
    for confidence in (0.1, 1):
        late = review(confidence=confidence)
        assert suggestions.record_review(agent(SECOND), late, NEVER_REVIEWED) == (reviewed(),)


def test_a_repeat_and_a_review_from_before_change_nothing() -> None:
    of = agent(reviewed(40))
    for to_seq in (20, 40):
        assert suggestions.record_review(of, review(to_seq), Reviewed(40)) == ()


def test_one_suggestion_of_a_session_waits() -> None:
    of = agent(suggested(20), suggested(20, OTHER))
    found = suggestions.record_review(of, review(40), Reviewed(20))
    assert found == (reviewed(40), closed("lapsed"), suggested(40))


def test_of_too_many_suggestions_the_oldest_gives_way() -> None:
    many = [suggested(20, UUID(int=100 + number)) for number in range(PENDING_MAX)]
    found = suggestions.record_review(agent(*many), review(), NEVER_REVIEWED)
    assert found == (reviewed(), closed("lapsed", 20, UUID(int=100)), suggested())


def test_every_new_version_closes_what_waits() -> None:
    of = agent(SECOND, suggested(version=2), suggested(20, OTHER, version=2))
    lapsed = (closed("lapsed"), closed("lapsed", 20, OTHER))
    by_hand = decide(of, ChangePersonality(**IDS, personality_prompt="Mine."))
    back = decide(of, RollBackPersonality(**IDS, version=1), "Kind.")
    assert by_hand[1:] == back[1:] == lapsed


@pytest.mark.parametrize(("edited", "text"), [(None, "Short."), ("Mine.", "Mine."), ("", "")])
def test_a_suggestion_is_applied_as_it_is_or_in_the_users_words(
    edited: str | None, text: str
) -> None:
    of = agent(suggested(), suggested(20, OTHER))
    command = ApplySuggestion(**IDS, session_id=SESSION, suggested_personality=edited)
    changed, *closings = suggestions.apply(of, command, shown(suggested()))
    assert changed == PersonalityChanged(
        version=2,
        personality_prompt=text,
        source="suggestion",
        reason="Said so.",
        confidence=0.79,
        evidence=EVIDENCE,
    )
    assert closings == [closed("applied"), closed("lapsed", 20, OTHER)]


def test_a_suggestion_edited_to_what_is_already_said_is_no_version() -> None:
    of = agent(suggested(), suggested(20, OTHER))
    command = ApplySuggestion(**IDS, session_id=SESSION, suggested_personality="Kind.")
    assert suggestions.apply(of, command, shown(suggested())) == (closed("applied"),)


def test_only_the_suggestion_that_waits_is_applied() -> None:
    command = ApplySuggestion(**IDS, session_id=SESSION)
    for of in (agent(), agent(suggested(40)), agent(suggested(20, OTHER))):
        with pytest.raises(SuggestionNotFound):
            suggestions.apply(of, command, shown(suggested()))


def test_a_dismissed_session_rests() -> None:
    of = agent(suggested(), suggested(20, OTHER))
    rests = 60 + REVIEW_REST_MESSAGES
    found = suggestions.dismiss(of, SESSION, Reviewed(60))
    assert found == (closed("dismissed", rests_until_seq=rests),)
    assert not Reviewed(60, rests).is_due(rests - 1)
    assert Reviewed(60, rests).is_due(rests)
    with pytest.raises(SuggestionNotFound):
        suggestions.dismiss(agent(suggested(20, OTHER)), SESSION, Reviewed(60))


def test_with_its_session_a_suggestion_lapses() -> None:
    assert suggestions.lapse(agent(suggested()), SESSION) == (closed("lapsed"),)
    assert suggestions.lapse(agent(suggested(20, OTHER)), SESSION) == ()
