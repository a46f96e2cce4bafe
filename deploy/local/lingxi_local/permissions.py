"""Who may say and hear what on NATS: one table, one user a service, and two for people.

Deny by default. An answer to a request needs no permission of its own (`allow_responses`). Every
user has its own inbox prefix, so that nobody reads another's answers. A consumer's name is a whole
subject token, so its prefix can't be restricted here.
Used by the embedded server here and by the other ways to run Lingxi.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

OPERATOR = "operator"
SUBSCRIBER = "subscriber"
DEAD_LETTERS = "DEAD_LETTERS"
LIVE_STREAM = "CHAT_LIVE"


@dataclass(frozen=True)
class Role:
    """What a service is to others; the subjects follow from it.

    A person's role (`is_service` False) has what is listed and nothing by itself.
    """

    service: str
    is_service: bool = True
    owns_events: bool = False
    # Streams it owns beside its log.
    more_streams: Sequence[str] = ()
    # Streams it reads.
    reads: Sequence[str] = ()
    # Owners all of whose RPCs it may call.
    calls: Sequence[str] = ()
    more_publish: Sequence[str] = ()
    more_subscribe: Sequence[str] = ()
    # What it may not publish to, though a wider rule says so.
    deny_publish: Sequence[str] = ()

    @property
    def inbox_prefix(self) -> str:
        """The prefix of its answer inboxes, without the final dot."""
        return f"_INBOX_{self.service}"

    def publish(self) -> list[str]:
        """Every subject it may publish to."""
        subjects = ["$JS.API.INFO"]
        if self.is_service:
            subjects += [f"dead.{self.service}.>", *_shared_stream(DEAD_LETTERS)]
        if self.owns_events:
            subjects += [f"{self.service}.event.>", f"{self.service}.relay"]
            subjects += _own_stream(_log_of(self.service))
            # Erasure reaches the dead letters, too.
            subjects.append(f"$JS.API.STREAM.PURGE.{DEAD_LETTERS}")
        for stream in self.more_streams:
            subjects += _own_stream(stream)
        subjects += [f"{owner}.rpc.>" for owner in self.calls]
        for stream in self.reads:
            subjects += _reading(stream)
        if self.reads:
            subjects.append("$JS.FC.>")
        return [*subjects, *self.more_publish]

    def subscribe(self) -> list[str]:
        """Every subject it may subscribe to."""
        own = [f"{self.service}.ops.>"] if self.is_service else []
        if self.owns_events:
            own += [f"{self.service}.rpc.>", f"{self.service}.relay"]
        return [f"{self.inbox_prefix}.>", *own, *self.more_subscribe]


def _log_of(owner: str) -> str:
    return f"{owner.upper()}_EVENTS"


def _own_stream(stream: str) -> list[str]:
    # A deletion overwrites a message in the store's files, which a purge does not: erasure.
    verbs = ("INFO", "CREATE", "UPDATE", "PURGE", "MSG.GET", "MSG.DELETE")
    return [f"$JS.API.STREAM.{verb}.{stream}" for verb in verbs]


def _shared_stream(stream: str) -> list[str]:
    return [f"$JS.API.STREAM.{verb}.{stream}" for verb in ("INFO", "CREATE", "UPDATE")]


def _reading(stream: str) -> list[str]:
    verbs = ("CREATE", "INFO", "DELETE", "MSG.NEXT", "DURABLE.CREATE")
    return [
        f"$JS.API.STREAM.INFO.{stream}",
        # An ordered consumer has no durable name and is created on the stream alone.
        f"$JS.API.CONSUMER.CREATE.{stream}",
        *(f"$JS.API.CONSUMER.{verb}.{stream}.>" for verb in verbs),
        f"$JS.ACK.{stream}.>",
    ]


def _not_of(durables: Mapping[str, Sequence[str]]) -> list[str]:
    """What would change, use up or end a service's own consumers."""
    verbs = ("CREATE", "MSG.NEXT", "DELETE", "DURABLE.CREATE", "INFO")
    subjects: list[str] = []
    for stream, names in durables.items():
        for name in names:
            for verb in verbs:
                subject = f"$JS.API.CONSUMER.{verb}.{stream}.{name}"
                subjects += [subject, f"{subject}.>"]
            subjects.append(f"$JS.ACK.{stream}.{name}.>")
    return subjects


def _read_only(streams: Sequence[str]) -> list[str]:
    """Consumers by name. One that is made without could take the name of a service's."""
    return [
        "$JS.API.STREAM.NAMES",
        "$JS.FC.>",
        *(
            subject
            for stream in streams
            for subject in _reading(stream)
            if subject != f"$JS.API.CONSUMER.CREATE.{stream}"
        ),
    ]


SERVICE_DURABLES: Mapping[str, Sequence[str]] = {
    "AGENT_EVENTS": (
        "chat-remember_agent",
        "chat-delete_sessions",
        "chat-remember_personality",
        "agent-forget_memories",
        "scheduler-remember_manners",
        "scheduler-forget_agent",
    ),
    "CHAT_EVENTS": (
        "chat-index_messages",
        "chat-embed_messages",
        "summarizer-write_summary",
        "summarizer-review_personality",
        "agent-forget_session",
        "scheduler-watch_session",
        "scheduler-end_watch",
    ),
    "GATEWAY_EVENTS": (
        "chat-remember_user",
        "chat-erase_user",
        "agent-erase_user",
        "scheduler-remember_user",
        "scheduler-erase_user",
    ),
}
"""The services' durable consumers by stream. A consumer's name can be denied as a whole only."""

_EVENT_STREAMS = ("GATEWAY_EVENTS", "CHAT_EVENTS", "AGENT_EVENTS", "SCHEDULER_EVENTS")

ROLES: tuple[Role, ...] = (
    Role(
        "gateway",
        owns_events=True,
        reads=("CHAT_EVENTS", "AGENT_EVENTS", LIVE_STREAM),
        calls=("chat", "agent"),
        more_publish=("chat.live.>", "scheduler.rpc.list_decisions"),
        more_subscribe=("chat.live.>", "chat.ended.>"),
    ),
    Role(
        "chat",
        owns_events=True,
        more_streams=(LIVE_STREAM,),
        reads=("CHAT_EVENTS", "AGENT_EVENTS", "GATEWAY_EVENTS"),
        more_publish=(
            "chat.live.>",
            "chat.ended.>",
            "chat.work",
            "chat.stop",
            "agent.rpc.get_profile",
        ),
        more_subscribe=("chat.work", "chat.stop"),
    ),
    Role("agent", owns_events=True, reads=("AGENT_EVENTS", "CHAT_EVENTS", "GATEWAY_EVENTS")),
    Role(
        "summarizer",
        reads=("CHAT_EVENTS",),
        more_publish=(
            "chat.rpc.get_summary_work",
            "chat.rpc.record_summary",
            "chat.rpc.get_review_work",
            "agent.rpc.list_memories",
            "agent.rpc.record_memories",
            "agent.rpc.get_personality_review",
            "agent.rpc.record_review",
        ),
    ),
    Role(
        "scheduler",
        owns_events=True,
        reads=("CHAT_EVENTS", "AGENT_EVENTS", "GATEWAY_EVENTS"),
        more_publish=(
            "chat.rpc.get_proactive_work",
            "chat.rpc.send_proactive",
            "chat.rpc.read_log",
            "agent.rpc.get_agent",
            "agent.rpc.get_profile",
            "agent.rpc.read_log",
            "gateway.rpc.read_log",
        ),
    ),
)

PEOPLE: tuple[Role, ...] = (
    # Whoever runs Lingxi, by the `lingxi` command.
    Role(
        OPERATOR,
        is_service=False,
        reads=_EVENT_STREAMS,
        more_publish=(
            *(f"{role.service}.ops.>" for role in ROLES),
            *(f"$JS.API.CONSUMER.LIST.{stream}" for stream in _EVENT_STREAMS),
            *(
                f"$JS.API.STREAM.{verb}.{DEAD_LETTERS}"
                for verb in ("INFO", "MSG.GET", "MSG.DELETE", "PURGE")
            ),
        ),
    ),
    # Any program of others that copies what happens: it reads events, and nothing else.
    Role(
        SUBSCRIBER,
        is_service=False,
        more_publish=_read_only(_EVENT_STREAMS),
        # The prefix that every client has unless told otherwise.
        more_subscribe=("_INBOX.>",),
        deny_publish=_not_of(SERVICE_DURABLES),
    ),
)

USERS = (*ROLES, *PEOPLE)
