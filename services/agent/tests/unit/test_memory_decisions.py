"""What is learned, corrected, said by the user, and forgotten."""

from uuid import UUID

import pytest
from hypothesis import given as having, settings, strategies as st

from lingxi_agent.domain import memory
from lingxi_agent.domain.learning import Correct, GiveWay, Known, Record, learn
from lingxi_agent.domain.memory import Memory, MemoryEvent
from lingxi_contracts.agent import (
    EVIDENCE_MAX,
    LEARNED_MAX,
    MEMORIES_MAX,
    Evidence,
    LearnedFact,
    MemoryChanged,
    MemoryForgotten,
    MemoryRecorded,
    RecordMemories,
)
from lingxi_contracts.identity import memory_id
from services.agent.tests.unit.specs import AGENT_ID, AT, IDS

SESSION, OTHER = UUID(int=10), UUID(int=11)


def says(number: int, session_id: UUID = SESSION) -> Evidence:
    return Evidence(session_id=session_id, message_id=UUID(int=number))


def kept(*events: MemoryEvent) -> Memory:
    state = None
    for event in events:
        state = memory.evolve(state, event, AT)
    assert state is not None
    return state


RECORDED = MemoryRecorded(agent_id=AGENT_ID, text="Has a cat.", evidence=(says(1),))


def changed(text: str, *evidence: Evidence, by_user: bool = False) -> MemoryChanged:
    return MemoryChanged(agent_id=AGENT_ID, text=text, evidence=evidence, by_user=by_user)


def test_what_the_user_wrote_only_the_user_changes() -> None:
    mine = changed("Has a dog.", says(1), by_user=True)
    assert memory.change(kept(RECORDED), "Has a dog.") == (mine,)
    assert memory.change(kept(RECORDED, mine), "Has a dog.") == ()
    assert memory.change(kept(RECORDED), "Has a cat.") == (
        changed("Has a cat.", says(1), by_user=True),
    )
    assert memory.correct(kept(RECORDED, mine), "Has two cats.", (says(2),)) == ()


def test_a_correction_rests_on_both_and_on_the_newer_first() -> None:
    found = memory.correct(kept(RECORDED), "Has two cats.", (says(2), says(1)))
    assert found == (changed("Has two cats.", says(2), says(1)),)
    assert memory.correct(kept(RECORDED), "Has a cat.", (says(2),)) == ()
    many = tuple(says(number) for number in range(100, 100 + EVIDENCE_MAX))
    (event,) = memory.correct(kept(RECORDED), "Has two cats.", many)
    assert event == changed("Has two cats.", *many)


def test_with_the_session_of_its_words_it_is_forgotten_unless_the_user_wrote_it() -> None:
    forgotten = (MemoryForgotten(agent_id=AGENT_ID),)
    assert memory.drop_session(kept(RECORDED), OTHER) == ()
    assert memory.drop_session(kept(RECORDED), SESSION) == forgotten
    both = changed("Has two cats.", says(2, OTHER), says(1))
    left = (changed("Has two cats.", says(2, OTHER)),)
    assert memory.drop_session(kept(RECORDED, both), SESSION) == left
    assert memory.drop_session(kept(RECORDED, both), OTHER) == forgotten
    mine = changed("Mine.", says(1), by_user=True)
    assert memory.drop_messages(kept(RECORDED), [OTHER]) == ()
    messages = [one.message_id for one in kept(RECORDED).evidence]
    assert memory.drop_messages(kept(RECORDED), messages) == forgotten
    assert memory.drop_messages(kept(RECORDED, both), messages) == left
    assert memory.drop_session(kept(RECORDED, mine), SESSION) == (changed("Mine.", by_user=True),)
    assert memory.evolve(kept(RECORDED), *forgotten, AT) is None


def fact(text: str, *numbers: int, replaces: UUID | None = None) -> LearnedFact:
    message_ids = tuple(UUID(int=number) for number in numbers or (1,))
    return LearnedFact(text=text, message_ids=message_ids, replaces=replaces)


def record(*facts: LearnedFact) -> RecordMemories:
    return RecordMemories(**IDS, session_id=SESSION, covers_from=1, covers_up_to=10, facts=facts)


def known(number: int, text: str, *, by_user: bool = False) -> Known:
    return Known(UUID(int=1000 + number), text, by_user)


def test_what_is_known_is_not_recorded_again() -> None:
    command = record(
        fact("HAS a  cat!"),
        fact("Likes tea.", 3, 3, 4),
        fact("likes ＴＥＡ"),
        fact("…"),
        LearnedFact(text="Nobody said so.", message_ids=()),
    )
    new = Record(memory_id(SESSION, 1, 10, 1), "Likes tea.", (says(3), says(4)))
    assert learn([known(1, "Has a cat.")], command)[:1] == (new,)


def test_a_repeat_does_not_bring_back_what_a_fact_was_changed_from() -> None:
    """Guards the id of its range: in other words by now, it is the same memory."""
    command = record(fact("Has a cat."))
    (new,) = learn([], command)
    assert isinstance(new, Record)
    assert learn([Known(new.memory_id, "Has a dog.", by_user=True)], command) == ()


@pytest.mark.parametrize("by_user", [False, True])
def test_a_fact_replaces_what_the_user_did_not_write(by_user: bool) -> None:
    cat = known(1, "Has a cat.", by_user=by_user)
    command = record(fact("Has two cats.", replaces=cat.memory_id))
    step = Correct(cat.memory_id, "Has two cats.", (says(1),))
    assert learn([cat], command) == (() if by_user else (step,))


def test_a_fact_that_replaces_what_is_forgotten_is_a_new_one() -> None:
    (step,) = learn([], record(fact("Has two cats.", replaces=UUID(int=9))))
    assert isinstance(step, Record)


def test_the_oldest_that_were_learned_give_way() -> None:
    full = [known(n, f"Fact {n}", by_user=n in (0, 2)) for n in range(MEMORIES_MAX)]
    corrected = full[1].memory_id
    command = record(fact("A"), fact("B", replaces=corrected), fact("C"))
    gone = [step for step in learn(full, command) if isinstance(step, GiveWay)]
    assert gone == [GiveWay(full[3].memory_id), GiveWay(full[4].memory_id)]


facts = st.lists(
    st.builds(
        fact,
        st.sampled_from(["A", "a", "B", "C", "D.", "d", "E", "你好", "."]),
        st.integers(1, 9),
        replaces=st.none() | st.integers(1000, 1006).map(lambda number: UUID(int=number)),
    ),
    max_size=LEARNED_MAX,
)
memories = st.lists(
    st.tuples(st.sampled_from(["A", "B", "F", "G", "H"]), st.booleans()), max_size=6
)


@settings(max_examples=200, deadline=None)
@having(before=memories, learned=facts, broken_off=st.integers(0, LEARNED_MAX))
def test_learning_again_finds_nothing_left_to_do(
    before: list[tuple[str, bool]], learned: list[LearnedFact], broken_off: int
) -> None:
    """Also after it was broken off anywhere: the rest is done, and what the user wrote stays."""
    command = record(*learned)
    now = [known(n, text, by_user=by_user) for n, (text, by_user) in enumerate(before)]
    by_user = [one for one in now if one.by_user]
    for limit in (broken_off, None):
        for step in learn(now, command)[:limit]:
            assert not isinstance(step, GiveWay)
            there = {one.memory_id: one for one in now}
            there[step.memory_id] = Known(step.memory_id, step.text, by_user=False)
            now = list(there.values())
    assert learn(now, command) == ()
    assert [one for one in now if one.by_user] == by_user
