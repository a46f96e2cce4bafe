"""`GET /asyncapi`: what subscribers on NATS can rely on, as AsyncAPI 3.0, made from the contracts.

One channel an event: its subject, and the envelope with the event's own data.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from lingxi_contracts import agent, chat, gateway, scheduler
from lingxi_contracts.base import Event
from lingxi_contracts.envelope import CONTENT_TYPE, Envelope
from lingxi_contracts.subjects import event_filter, stream_name

OWNERS: Mapping[str, Mapping[str, type[Event]]] = {
    gateway.OWNER: gateway.EVENTS,
    chat.OWNER: chat.EVENTS,
    agent.OWNER: agent.EVENTS,
    scheduler.OWNER: scheduler.EVENTS,
}
DESCRIPTION = """\
Events as CloudEvents 1.0 JSON. At least once; in order of `sequence` within one `subject` (the \
stream's id). Skip types and fields that you don't know. `data` is null where it was erased. Obey \
`session_deleted`, `agent_deleted`, `memory_forgotten`, `watch_ended` and `user_deleted`: delete \
what you copied. \
`lingxi subscriber-url` prints a URL with a read-only credential.
"""
STREAM_ID: Mapping[str, str] = {
    gateway.OWNER: "The user.",
    chat.OWNER: "The session.",
    agent.OWNER: "The agent; of what it remembers, the memory.",
    scheduler.OWNER: "The session.",
}

routes = APIRouter()


@routes.get("/asyncapi", include_in_schema=False)
async def get_asyncapi() -> Response:
    """The document."""
    return Response(_encoded(), media_type="application/json")


@cache
def _encoded() -> bytes:
    return orjson.dumps(document())


def document() -> dict[str, Any]:
    """AsyncAPI of all events."""
    events = [(owner, event) for owner, known in OWNERS.items() for event in known.values()]
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Lingxi events", "version": "1", "description": DESCRIPTION},
        "defaultContentType": CONTENT_TYPE,
        "channels": {_key(event): _channel(owner, event) for owner, event in events},
        "operations": {
            f"on_{_key(event)}": {
                "action": "receive",
                "channel": {"$ref": f"#/channels/{_key(event)}"},
                "summary": _summary(event),
            }
            for _, event in events
        },
        "components": {
            "messages": {_key(event): _message(owner, event) for owner, event in events},
            "schemas": {_key(event): _payload(event) for _, event in events},
        },
    }


def _key(event: type[Event]) -> str:
    return event.tag.replace(".", "_")


def _summary(event: type[Event]) -> str:
    return " ".join((event.__doc__ or "").split("\n\n")[0].split())


def _channel(owner: str, event: type[Event]) -> dict[str, Any]:
    subject = event_filter(owner, event.tag.partition(".")[0]).removesuffix(">")
    return {
        "address": f"{subject}{{user_id}}.{{stream_id}}",
        "description": f"Kept in the JetStream stream {stream_name(owner)}.",
        "parameters": {
            "user_id": {"description": "Whose it is."},
            "stream_id": {"description": STREAM_ID[owner]},
        },
        "messages": {_key(event): {"$ref": f"#/components/messages/{_key(event)}"}},
    }


def _message(owner: str, event: type[Event]) -> dict[str, Any]:
    return {
        "name": event.tag,
        "title": event.__name__,
        "summary": _summary(event),
        "contentType": CONTENT_TYPE,
        "tags": [{"name": owner}],
        "payload": {"$ref": f"#/components/schemas/{_key(event)}"},
    }


def _payload(event: type[Event]) -> dict[str, Any]:
    """The envelope's schema, with the type and the data of one event."""
    at = f"#/components/schemas/{_key(event)}/$defs/{{model}}"
    schema = Envelope.model_json_schema(ref_template=at, mode="serialization")
    data = event.model_json_schema(ref_template=at)
    definitions = data.pop("$defs", {})
    schema["properties"]["type"] = {"const": event.tag}
    schema["properties"]["data"] = {"anyOf": [data, {"type": "null"}]}
    return schema | ({"$defs": definitions} if definitions else {})
