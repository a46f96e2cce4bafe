"""Any sequence of commands, against a plain model: a document, and a list of texts."""

import copy
import json
from typing import Any, cast

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pydantic import TypeAdapter

from lingxi_agent.domain.agent import Agent, AgentEvent, Command, decide, evolve
from lingxi_agent.domain.document import as_document
from lingxi_contracts.agent import (
    EVENTS,
    ChangePersonality,
    CreateAgent,
    DeleteAgent,
    PersonalityChanged,
    RollBackPersonality,
)
from services.agent.tests.unit.specs import AT, IDS, given, patch

STATE: TypeAdapter[Agent | None] = TypeAdapter(Agent | None)


def _merged(parts: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    return parts[0] | parts[1]


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
prompts = st.sampled_from(["", "Kind.", "Blunt.", "你好"]) | texts
numbers = st.integers(-99, 99) | st.floats(-9, 9, allow_subnormal=False).map(
    lambda n: round(n, 3) + 0.0
)
unknown_keys = st.sampled_from(["top_p", "mood", "", "model_dump"])
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(unknown_keys, inner, max_size=3),
    max_leaves=5,
)
known: dict[str, st.SearchStrategy[Any]] = {
    "model": st.sampled_from(["gpt", "qwen"]) | st.none(),
    "temperature": st.sampled_from([0.0, 0.5, 2.0]) | st.none(),
    "auto_apply_confidence": st.sampled_from([0.5, 0.8, 1.0]) | st.none(),
    "personality_prompt": prompts | st.none(),
}
parameters = st.tuples(
    st.dictionaries(unknown_keys, values, max_size=2), st.fixed_dictionaries({}, optional=known)
).map(_merged)
timings = st.fixed_dictionaries(
    {}, optional={"daily_cap": st.integers(0, 9), "inactivity_check_minutes": st.integers(1, 9)}
)
named: dict[str, st.SearchStrategy[Any]] = {
    "name": st.just("Lu"),
    "parameters": parameters,
    "timings": timings | st.none(),
}
patches = st.fixed_dictionaries({}, optional=named)

ALL_DEFAULTS = {
    "model": None,
    "temperature": None,
    "max_tokens": None,
    "proactive_behavior": "balanced",
    "auto_apply_confidence": 0.8,
    "personality_prompt": "",
}
TIMINGS_DEFAULTS = {"inactivity_check_minutes": 5, "quiet_hours": None, "daily_cap": None}


def plain_merge(target: Any, change: Any) -> Any:
    """RFC 7396, section 2, told once more, in place."""
    if not isinstance(change, dict):
        return change
    merged = cast("dict[str, Any]", target if isinstance(target, dict) else {})
    for name, value in cast("dict[str, Any]", change).items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = plain_merge(merged.get(name), value)
    return merged


class AgentMachine(RuleBasedStateMachine):
    """The aggregate beside its model; each step round-trips state and events as JSON."""

    def __init__(self) -> None:
        super().__init__()
        self.agent: Agent | None = None
        self.log: list[AgentEvent] = []
        self.document: dict[str, Any] | None = None
        self.ledger: list[str] = []

    def carry_out(self, command: Command, restored: str | None = None) -> None:
        events = decide(self.agent, command, restored)
        for event in events:
            self.agent = evolve(self.agent, event, AT)
            stored = type(event).model_validate_json(event.model_dump_json())
            assert EVENTS[event.tag] is type(event)
            self.log.append(stored)
        self.agent = STATE.validate_json(STATE.dump_json(self.agent))
        if self.agent is not None:
            assert decide(self.agent, command, restored) == (), "a repeat decides nothing"

    def say(self, text: str) -> None:
        if not self.ledger or self.ledger[-1] != text:
            self.ledger.append(text)

    @rule(prompt=prompts)
    def create(self, prompt: str) -> None:
        self.carry_out(CreateAgent(**IDS, agent_name="Mo", personality_prompt=prompt))
        if self.document is None:
            defaults = ALL_DEFAULTS | {"personality_prompt": prompt}
            self.document = {"name": "Mo", "parameters": defaults, "timings": None}
            self.ledger = [prompt]

    @precondition(lambda self: self.document is not None)
    @rule(change=patches)
    def patch(self, change: dict[str, Any]) -> None:
        assert self.document is not None
        self.carry_out(patch(change))
        merged = plain_merge(self.document, copy.deepcopy(change))
        never = {"auto_apply_confidence": None}
        merged["parameters"] = ALL_DEFAULTS | never | merged["parameters"]
        self.describe(merged)

    @precondition(lambda self: self.document is not None)
    @rule(change=parameters)
    def replace(self, change: dict[str, Any]) -> None:
        fit = {k: v for k, v in change.items() if k != "personality_prompt" or v is not None}
        self.carry_out(patch({"name": "Ha", "parameters": fit}, replace=True))
        self.describe({"name": "Ha", "parameters": ALL_DEFAULTS | fit})

    def describe(self, document: dict[str, Any]) -> None:
        timings = document.get("timings")
        whole = None if timings is None else TIMINGS_DEFAULTS | timings
        self.document = document | {"timings": whole}
        self.say(document["parameters"]["personality_prompt"])

    @precondition(lambda self: self.document is not None)
    @rule(prompt=prompts)
    def change_personality(self, prompt: str) -> None:
        assert self.document is not None
        self.carry_out(ChangePersonality(**IDS, personality_prompt=prompt))
        self.document["parameters"]["personality_prompt"] = prompt
        self.say(prompt)

    @precondition(lambda self: self.document is not None)
    @rule(data=st.data())
    def roll_back(self, data: st.DataObject) -> None:
        assert self.document is not None
        version = data.draw(st.integers(1, len(self.ledger)))
        restored = self.ledger[version - 1]
        self.carry_out(RollBackPersonality(**IDS, version=version), restored)
        self.document["parameters"]["personality_prompt"] = restored
        self.say(restored)

    @precondition(lambda self: self.document is not None)
    @rule()
    def delete(self) -> None:
        self.carry_out(DeleteAgent(**IDS))
        self.document = None
        self.log.clear()

    @invariant()
    def the_state_is_the_fold_of_its_events(self) -> None:
        assert self.agent == given(*self.log)

    @invariant()
    def the_agent_is_what_was_asked_for(self) -> None:
        if self.agent is None:
            assert self.document is None
            return
        told = as_document(
            self.agent.name,
            self.agent.parameters,
            self.agent.personality_prompt,
            self.agent.timings,
        )
        assert json.dumps(told, sort_keys=True) == json.dumps(self.document, sort_keys=True)

    @invariant()
    def the_ledger_has_no_gaps_and_no_repeats(self) -> None:
        spoken = [event for event in self.log if isinstance(event, PersonalityChanged)]
        assert [event.version for event in spoken] == list(range(1, len(spoken) + 1))
        if self.agent is not None:
            assert [event.personality_prompt for event in spoken] == self.ledger


TestAgentMachine = AgentMachine.TestCase
TestAgentMachine.settings = settings(max_examples=50, stateful_step_count=25, deadline=None)
