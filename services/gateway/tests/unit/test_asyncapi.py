"""The document for subscribers holds every event there is, and points at nothing that isn't."""

import importlib
import json
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any, cast

import lingxi_contracts
from lingxi_contracts.base import Event
from lingxi_gateway.entrypoints.http.asyncapi import document


def all_events() -> Iterator[tuple[str, type[Event]]]:
    """Every event of every owner in the contracts."""
    for module in pkgutil.iter_modules(lingxi_contracts.__path__):
        contracts = importlib.import_module(f"lingxi_contracts.{module.name}")
        events: Mapping[str, type[Event]] = getattr(contracts, "EVENTS", {})
        for event in events.values():
            yield contracts.OWNER, event


def references(node: Any) -> Iterator[str]:
    """Every reference in a document."""
    if isinstance(node, dict):
        for name, value in cast("dict[str, Any]", node).items():
            if name == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in cast("list[Any]", node):
            yield from references(value)


def test_every_event_has_its_subject_and_its_data() -> None:
    told = document()
    names = {message["name"]: key for key, message in told["components"]["messages"].items()}
    events = {event.tag: owner for owner, event in all_events()}
    assert names.keys() == events.keys()
    for tag, owner in events.items():
        subject = f"{owner}.event.{tag.partition('.')[0]}.{{user_id}}.{{stream_id}}"
        assert told["channels"][names[tag]]["address"] == subject


def test_every_reference_leads_somewhere() -> None:
    told = json.loads(json.dumps(document()))
    found = list(references(told))
    assert found
    for reference in found:
        node = told
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
