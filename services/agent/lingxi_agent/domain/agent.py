"""An agent: how it is called, how it speaks, and the ledger of its personalities.

Invariants:
1. Personality versions are 1, 2, 3, … without gaps; version 1 comes with the agent.
2. A new version has another text than the one before it.
3. An event tells something new: a command already in effect decides nothing.
4. Name, parameters and timings are always a valid document (see `document`).
5. After its deletion an agent is as one that never was: every command finds nothing.
6. Every new version closes all suggestions that wait (see `suggestions`).
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from lingxi_agent.domain.document import Document, as_document, patched, validated
from lingxi_contracts.agent import (
    AgentChanged,
    AgentCreated,
    AgentDeleted,
    AgentParameters,
    AgentTimings,
    ChangeAgent,
    ChangePersonality,
    CreateAgent,
    DeleteAgent,
    PersonalityChanged,
    PersonalityReviewed,
    PersonalitySuggested,
    PersonalitySuggestionClosed,
    RollBackPersonality,
    SuggestionOutcome,
)
from lingxi_contracts.errors import AgentNotFound, PersonalityVersionNotFound

type AgentEvent = (
    AgentCreated
    | AgentChanged
    | PersonalityChanged
    | PersonalityReviewed
    | PersonalitySuggested
    | PersonalitySuggestionClosed
    | AgentDeleted
)
type Events = tuple[AgentEvent, ...]
type Command = CreateAgent | ChangeAgent | ChangePersonality | RollBackPersonality | DeleteAgent


# State


@dataclass(frozen=True, slots=True)
class Pending:
    """A suggestion that waits for the user; its text is in the log alone."""

    suggestion_id: UUID
    session_id: UUID


@dataclass(frozen=True, slots=True)
class Agent:
    """A living agent. Where there is none, not yet or no longer, the state is None."""

    name: str
    parameters: AgentParameters
    timings: AgentTimings | None
    created_at: datetime
    updated_at: datetime
    personality_prompt: str = ""
    personality_version: int = 0
    pending: tuple[Pending, ...] = ()
    """Oldest first, one a session."""


def evolve(agent: Agent | None, event: AgentEvent, at: datetime) -> Agent | None:
    """The agent after an event; what happens to no agent changes nothing."""
    if isinstance(event, AgentCreated):
        return Agent(event.name, event.parameters, event.timings, created_at=at, updated_at=at)
    if agent is None:
        return None
    match event:
        case AgentChanged():
            return replace(
                agent,
                name=event.name,
                parameters=event.parameters,
                timings=event.timings,
                updated_at=at,
            )
        case PersonalityChanged():
            return replace(
                agent,
                personality_prompt=event.personality_prompt,
                personality_version=event.version,
                updated_at=at,
            )
        case PersonalityReviewed():
            return agent
        case PersonalitySuggested():
            waits = Pending(event.suggestion_id, event.session_id)
            return replace(agent, pending=(*agent.pending, waits))
        case PersonalitySuggestionClosed():
            left = tuple(one for one in agent.pending if one.suggestion_id != event.suggestion_id)
            return replace(agent, pending=left)
        case AgentDeleted():
            return None
        case _:
            assert_never(event)


# Decisions


def decide(agent: Agent | None, command: Command, restored: str | None = None) -> Events:
    """What a command makes happen. `restored`: the text of the version to roll back to.

    Raises:
        AgentNotFound: for all commands but the first.
        InvalidInput: the document would not be valid; `loc` as in the body of the HTTP request.
        PersonalityVersionNotFound: there is nothing to roll back to.
    """
    if isinstance(command, CreateAgent):
        return () if agent else create(command)
    if agent is None:
        raise AgentNotFound
    match command:
        case ChangeAgent():
            return change(agent, command)
        case ChangePersonality():
            return change_personality(agent, command.personality_prompt)
        case RollBackPersonality():
            return roll_back(agent, command.version, restored)
        case DeleteAgent():
            return (AgentDeleted(),)
        case _:
            assert_never(command)


def create(command: CreateAgent) -> Events:
    """The agent and the first version of its personality."""
    document = validated(
        as_document(
            command.agent_name, command.parameters, command.personality_prompt, command.timings
        )
    )
    parameters = document.parameters.without_personality()
    return (
        AgentCreated(name=document.name, parameters=parameters, timings=document.timings),
        PersonalityChanged(
            version=1,
            personality_prompt=document.parameters.personality_prompt,
            source="created",
        ),
    )


def change(agent: Agent, command: ChangeAgent) -> Events:
    """What differs between the agent and the document that the command makes of it."""
    now = as_document(agent.name, agent.parameters, agent.personality_prompt, agent.timings)
    new = validated(command.patch if command.replace else patched(now, command.patch))
    spoken = change_personality(agent, new.parameters.personality_prompt)
    changed = AgentChanged(
        name=new.name, parameters=new.parameters.without_personality(), timings=new.timings
    )
    return spoken if _is_as_before(agent, new) else (changed, *spoken)


def change_personality(agent: Agent, text: str) -> Events:
    """A version written by hand; the same text again is none."""
    if text == agent.personality_prompt:
        return ()
    return new_version(
        agent,
        PersonalityChanged(
            version=agent.personality_version + 1, personality_prompt=text, source="manual"
        ),
    )


def roll_back(agent: Agent, version: int, restored: str | None) -> Events:
    """An earlier text as the newest version. Where it is the newest text already, nothing is left
    to do: so a repeat of a rollback is none."""
    if version > agent.personality_version or restored is None:
        raise PersonalityVersionNotFound
    if restored == agent.personality_prompt:
        return ()
    return new_version(
        agent,
        PersonalityChanged(
            version=agent.personality_version + 1,
            personality_prompt=restored,
            source="rollback",
            restored_from=version,
        ),
    )


def new_version(
    agent: Agent, changed: PersonalityChanged, applied: Pending | None = None
) -> Events:
    """A version, and the end of all that was suggested on the one before it."""
    return (
        changed,
        *(closed(one, "applied" if one == applied else "lapsed") for one in agent.pending),
    )


def closed(
    pending: Pending, outcome: SuggestionOutcome, rests_until_seq: int | None = None
) -> PersonalitySuggestionClosed:
    """A suggestion does not wait any more."""
    return PersonalitySuggestionClosed(
        suggestion_id=pending.suggestion_id,
        session_id=pending.session_id,
        outcome=outcome,
        rests_until_seq=rests_until_seq,
    )


def _is_as_before(agent: Agent, new: Document) -> bool:
    """Whether all but the personality is the same; as JSON, where 1 and true differ."""
    documents = (
        as_document(agent.name, agent.parameters, "", agent.timings),
        as_document(new.name, new.parameters, "", new.timings),
    )
    before, after = (json.dumps(document, sort_keys=True) for document in documents)
    return before == after
