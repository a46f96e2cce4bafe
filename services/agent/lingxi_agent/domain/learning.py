"""What becomes of facts that were learned, beside what is known already.

Invariants:
1. What is known is not recorded again, whoever said it first; texts are compared `normalised`.
2. What the user wrote is not replaced, and never gives way.
3. A fact without a message that says so is none.
4. A repeat, also one that was broken off, finds nothing left to do but what is missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from lingxi_agent.domain.terms import normalised
from lingxi_contracts.agent import MEMORIES_MAX, Evidence, LearnedFact, RecordMemories
from lingxi_contracts.identity import memory_id


@dataclass(frozen=True, slots=True)
class Known:
    """A memory as far as learning asks for it."""

    memory_id: UUID
    text: str
    by_user: bool


@dataclass(frozen=True, slots=True)
class Record:
    """A new memory."""

    memory_id: UUID
    text: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Correct:
    """A memory in other words."""

    memory_id: UUID
    text: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class GiveWay:
    """A memory that there is no more room for."""

    memory_id: UUID


type Step = Record | Correct | GiveWay


def learn(known: Sequence[Known], command: RecordMemories) -> tuple[Step, ...]:
    """The steps from what is known, oldest first, to what is known with these facts.

    Of several facts that replace one memory the last one does; its text until then is not known.
    """
    kept = {one.memory_id: one for one in known}
    said = {n: fact for n, fact in enumerate(command.facts) if _says_something(fact)}
    replacing = {fact.replaces: n for n, fact in said.items() if fact.replaces in kept}
    texts = {
        normalised(one.text)
        for one in known
        if one.by_user
        or one.memory_id not in replacing
        or normalised(said[replacing[one.memory_id]].text) == normalised(one.text)
    }
    steps: list[Record | Correct] = []
    for n, fact in said.items():
        if normalised(fact.text) in texts or replacing.get(fact.replaces, n) != n:
            continue
        step = _step(kept, command, n, fact)
        if step is not None:
            steps.append(step)
            texts.add(normalised(fact.text))
            kept[step.memory_id] = Known(step.memory_id, step.text, by_user=False)
    done = {step.memory_id for step in steps}
    old = [one.memory_id for one in known if not one.by_user and one.memory_id not in done]
    return (*steps, *map(GiveWay, old[: max(0, len(kept) - MEMORIES_MAX)]))


def _says_something(fact: LearnedFact) -> bool:
    return bool(normalised(fact.text) and fact.message_ids)


def _step(
    kept: dict[UUID, Known], command: RecordMemories, n: int, fact: LearnedFact
) -> Record | Correct | None:
    evidence = tuple(
        Evidence(session_id=command.session_id, message_id=message_id)
        for message_id in dict.fromkeys(fact.message_ids)
    )
    replaced = kept.get(fact.replaces) if fact.replaces else None
    if replaced is not None:
        return None if replaced.by_user else Correct(replaced.memory_id, fact.text, evidence)
    new_id = memory_id(command.session_id, command.covers_from, command.covers_up_to, n)
    return None if new_id in kept else Record(new_id, fact.text, evidence)
