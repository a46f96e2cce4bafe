"""Every name on the wire, in one place.

Event subject `<owner>.event.<tag without version>.<user_id>.<stream_id>`, stream `<OWNER>_EVENTS`,
request `<owner>.rpc.<name>`, an operator's `<service>.ops.<name>`, live signal
`chat.live.<user_id>.<session_id>`, end of a turn `chat.ended.<session_id>.<turn_id>`, changed
agents `agent.changed.<user_id>`, durable consumer `<service>-<handler>`. Ids in subjects are parsed
UUIDs: no text of a user ever becomes a subject.
"""

from uuid import UUID

from lingxi_contracts.base import Answer, Request

CHAT_LIVE_STREAM = "CHAT_LIVE"
CHAT_WORK = "chat.work"
"""Core NATS nudge: a replica of chat left a turn unclaimed because its slots are full."""
CHAT_STOP = "chat.stop"
"""Core NATS nudge: the turn whose id it carries is to be stopped by whoever works on it."""
PROFILES_CHANGED = "agent.changed.*"
"""Core NATS: what was known of a user's agents, or of everybody's, may be out of date."""
DEAD_LETTERS_STREAM = "DEAD_LETTERS"


def stream_name(owner: str) -> str:
    """The JetStream stream that holds an owner's events."""
    return f"{owner.upper()}_EVENTS"


def event_subjects(owner: str) -> str:
    """All event subjects of an owner, as its stream captures them."""
    return f"{owner}.event.>"


def event_subject(owner: str, tag: str, user_id: UUID, stream_id: UUID) -> str:
    """Where one event is published: `chat.event.message_posted.<user>.<session>`."""
    return f"{owner}.event.{tag.partition('.')[0]}.{user_id}.{stream_id}"


def event_filter(owner: str, name: str) -> str:
    """All events of one name (`agent_deleted`), whatever the version of its tag."""
    return f"{owner}.event.{name}.>"


def events_of_stream(owner: str, user_id: UUID, stream_id: UUID) -> str:
    """All events of one stream id, whatever their names."""
    return f"{owner}.event.*.{user_id}.{stream_id}"


def relay_nudge(owner: str) -> str:
    """Core NATS subject that wakes an owner's relay when another process appended."""
    return f"{owner}.relay"


def rpc_subject(request: Request[Answer] | type[Request[Answer]], owner: str = "") -> str:
    """Where a request is answered: `chat.rpc.post_message`, or an operator's `chat.ops.rebuild`.

    `owner`: who is asked, where several answer the same request.
    """
    asked = request.owner or owner
    assert asked
    assert owner in ("", asked)
    return f"{asked}.{request.kind}.{request.name}"


def live_subject(user_id: UUID, session_id: UUID) -> str:
    """Where token frames and typing of one session go."""
    return f"chat.live.{user_id}.{session_id}"


def live_subjects() -> str:
    """The live signals of all sessions."""
    return "chat.live.>"


def live_subjects_of(user_id: UUID, session_id: UUID | None) -> str:
    """The live signals of a user's sessions, or of one of them."""
    return f"chat.live.{user_id}.{session_id or '*'}"


def turn_ended_subject(session_id: UUID, turn_id: UUID) -> str:
    """Where the events that ended a turn are told to whoever waits for them (`live.turn_ended`)."""
    return f"chat.ended.{session_id}.{turn_id}"


def turns_ended() -> str:
    """The ends of all turns."""
    return "chat.ended.>"


def profiles_changed(user_id: UUID | None) -> str:
    """Where agent tells that a user's agents are not what they were; None: that anybody's are."""
    return f"agent.changed.{user_id or 'all'}"


def durable_name(service: str, handler: str) -> str:
    """The durable consumer of one handler. A rename is a replay."""
    return f"{service}-{handler}"


def dead_letter_subject(service: str, handler: str, user_id: UUID, event_id: UUID) -> str:
    """Where the reference to an event goes that a handler could not take."""
    return f"dead.{service}.{handler}.{user_id}.{event_id}"


def dead_letters_of(user_id: UUID) -> str:
    """All dead letters about one user's events."""
    return f"dead.*.*.{user_id}.*"


def dead_letters_for(service: str = "*", handler: str = "*") -> str:
    """All dead letters of a service, or of one of its handlers."""
    return f"dead.{service}.{handler}.>"
