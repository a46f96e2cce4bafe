"""Any sequence of reviews, answers and versions: what waits rests on the newest version."""

from itertools import pairwise
from uuid import UUID

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lingxi_agent.domain import suggestions
from lingxi_agent.domain.agent import AgentEvent, Events, decide, evolve
from lingxi_agent.domain.suggestions import PENDING_MAX, Reviewed
from lingxi_contracts.agent import (
    ApplySuggestion,
    ChangePersonality,
    PersonalityChanged,
    PersonalityReviewed,
    PersonalitySuggested,
    PersonalitySuggestion,
    PersonalitySuggestionClosed,
    RecordReview,
)
from lingxi_contracts.errors import SuggestionNotFound
from services.agent.tests.unit.specs import AT, CREATED, FIRST, IDS, given

sessions = st.integers(1, PENDING_MAX + 3).map(lambda number: UUID(int=number))
seqs = st.integers(1, 12).map(lambda number: number * 20)
texts = st.sampled_from(["", "Kind.", "Short.", "Blunt.", "你好"])
confidences = st.sampled_from([0, 0.5, 0.8, 1])


class SuggestionMachine(RuleBasedStateMachine):
    """The aggregate beside the read models that commands are given."""

    def __init__(self) -> None:
        super().__init__()
        made = given(CREATED, FIRST)
        assert made is not None
        self.agent = made
        self.log: list[AgentEvent] = []
        self.reviewed: dict[UUID, Reviewed] = {}
        self.waiting: dict[UUID, PersonalitySuggested] = {}
        self.closed: list[UUID] = []

    def happen(self, events: Events) -> None:
        for event in events:
            agent = evolve(self.agent, event, AT)
            assert agent is not None
            self.agent = agent
            self.log.append(event)
            self.show(event)

    def show(self, event: AgentEvent) -> None:
        match event:
            case PersonalityReviewed():
                before = self.reviewed.get(event.session_id, Reviewed())
                assert event.to_seq > before.up_to_seq, "once, and only further up"
                now = Reviewed(event.to_seq, before.rests_until_seq)
                self.reviewed[event.session_id] = now
            case PersonalitySuggested():
                assert event.suggestion_id not in (*self.waiting, *self.closed)
                rests = self.reviewed[event.session_id].rests_until_seq
                assert self.reviewed[event.session_id].up_to_seq >= rests
                self.waiting[event.suggestion_id] = event
            case PersonalitySuggestionClosed():
                del self.waiting[event.suggestion_id]
                self.closed.append(event.suggestion_id)
                if event.rests_until_seq is not None:
                    up_to = self.reviewed[event.session_id].up_to_seq
                    assert event.rests_until_seq > up_to
                    self.reviewed[event.session_id] = Reviewed(up_to, event.rests_until_seq)
            case _:
                pass

    @rule(
        session_id=sessions,
        to_seq=seqs,
        behind=st.sampled_from([0, 0, 0, 1, 2]),
        text=texts,
        confidence=confidences,
    )
    def review(
        self, session_id: UUID, to_seq: int, behind: int, text: str, confidence: float
    ) -> None:
        based_on = max(1, self.agent.personality_version - behind)
        command = RecordReview(
            **IDS,
            session_id=session_id,
            to_seq=to_seq,
            based_on_version=based_on,
            should_update=True,
            suggested_personality=text,
            confidence=confidence,
        )
        before = self.agent.personality_version
        known = self.reviewed.get(session_id, Reviewed())
        self.happen(suggestions.record_review(self.agent, command, known))
        if based_on != before:
            assert self.agent.personality_version == before, "applied over a newer version"
        again = self.reviewed.get(session_id, Reviewed())
        assert suggestions.record_review(self.agent, command, again) == ()

    @rule(session_id=sessions, edited=st.none() | texts)
    def apply(self, session_id: UUID, edited: str | None) -> None:
        mine = [one for one in self.waiting.values() if one.session_id == session_id]
        command = ApplySuggestion(**IDS, session_id=session_id, suggested_personality=edited)
        for one in mine:
            assert one.based_on_version == self.agent.personality_version
            shown = PersonalitySuggestion.model_validate(one.model_dump() | {"created_at": AT})
            self.happen(suggestions.apply(self.agent, command, shown))
            wanted = one.suggested_personality if edited is None else edited
            assert self.agent.personality_prompt == wanted

    @rule(session_id=sessions)
    def dismiss(self, session_id: UUID) -> None:
        known = self.reviewed.get(session_id, Reviewed())
        try:
            self.happen(suggestions.dismiss(self.agent, session_id, known))
        except SuggestionNotFound:
            assert session_id not in {one.session_id for one in self.waiting.values()}

    @rule(session_id=sessions)
    def lapse(self, session_id: UUID) -> None:
        self.happen(suggestions.lapse(self.agent, session_id))
        assert session_id not in {one.session_id for one in self.waiting.values()}

    @rule(text=texts)
    def change(self, text: str) -> None:
        self.happen(decide(self.agent, ChangePersonality(**IDS, personality_prompt=text)))

    @invariant()
    def what_waits_rests_on_the_newest_version(self) -> None:
        assert {one.based_on_version for one in self.waiting.values()} <= {
            self.agent.personality_version
        }

    @invariant()
    def the_state_knows_what_waits_and_no_more(self) -> None:
        assert [one.suggestion_id for one in self.agent.pending] == list(self.waiting)
        by_session = [one.session_id for one in self.agent.pending]
        assert len(set(by_session)) == len(by_session) <= PENDING_MAX

    @invariant()
    def the_ledger_has_no_gaps_and_no_repeats(self) -> None:
        ledger = [FIRST, *(one for one in self.log if isinstance(one, PersonalityChanged))]
        assert [one.version for one in ledger] == list(range(1, len(ledger) + 1))
        texts = [one.personality_prompt for one in ledger]
        assert all(text != following for text, following in pairwise(texts))


TestSuggestionMachine = SuggestionMachine.TestCase
TestSuggestionMachine.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)
