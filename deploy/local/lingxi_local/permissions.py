"""Who may say and hear what on NATS: one table, one user a service, and two for people.

Deny by default. An answer to a request needs no permission of its own (`allow_responses`). Every
user has its own inbox prefix, so that nobody reads another's answers. A service's durable consumers
are listed here one by one, for what takes their events or ends them is nobody else's. A consumer's
name is a whole subject token, so a prefix can't be permitted: who makes consumers of any name is
denied those of the services.
What NATS asks for in a request's body can't be told apart here: whoever may purge dead letters may
purge all of them.
Used by the embedded server here and by the other ways to run Lingxi.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
    # Its handlers by stream: a durable consumer each.
    hears: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    # Streams it reads by short-lived consumers that it names itself.
    reads: Sequence[str] = ()
    # The requests it may make, by owner.
    calls: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    more_publish: Sequence[str] = ()
    more_subscribe: Sequence[str] = ()

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
        subjects += [f"{owner}.rpc.{name}" for owner, names in self.calls.items() for name in names]
        for stream, handlers in self.hears.items():
            # A replay finds its event in the stream itself, or asks the owner.
            subjects += [f"$JS.API.STREAM.{verb}.{stream}" for verb in ("INFO", "MSG.GET")]
            subjects.append(f"{_owner_of(stream)}.rpc.read_event")
            for handler in handlers:
                subjects += _consuming(stream, _durable(self.service, handler))
        for stream in self.reads:
            subjects += _reading(stream)
        return [*subjects, *self.more_publish]

    def deny_publish(self) -> list[str]:
        """What it may not publish to, though a wider rule says so."""
        if not self.reads:
            return []
        return [
            subject
            for stream, names in SERVICE_DURABLES.items()
            if stream in self.reads
            for name in names
            for subject in _consuming(stream, name)
        ]

    def subscribe(self) -> list[str]:
        """Every subject it may subscribe to."""
        own = [f"{self.service}.ops.>"] if self.is_service else []
        if self.owns_events:
            own += [f"{self.service}.rpc.>", f"{self.service}.relay"]
        return [f"{self.inbox_prefix}.>", *own, *self.more_subscribe]


def _log_of(owner: str) -> str:
    return f"{owner.upper()}_EVENTS"


def _owner_of(log: str) -> str:
    return log.removesuffix("_EVENTS").lower()


def _own_stream(stream: str) -> list[str]:
    # A deletion overwrites a message in the store's files, which a purge does not: erasure.
    verbs = ("INFO", "CREATE", "UPDATE", "PURGE", "MSG.GET", "MSG.DELETE")
    return [f"$JS.API.STREAM.{verb}.{stream}" for verb in verbs]


def _shared_stream(stream: str) -> list[str]:
    return [f"$JS.API.STREAM.{verb}.{stream}" for verb in ("INFO", "CREATE", "UPDATE")]


def _durable(service: str, handler: str) -> str:
    return f"{service}-{handler}"


def _consuming(stream: str, consumer: str) -> list[str]:
    """To make, change, use up and end one consumer; the `>` after its name is what it filters."""
    verbs = ("CREATE", "DURABLE.CREATE", "INFO", "DELETE", "MSG.NEXT")
    subjects = [f"$JS.API.CONSUMER.{verb}.{stream}.{consumer}" for verb in verbs]
    created = f"$JS.API.CONSUMER.CREATE.{stream}.{consumer}.>"
    return [*subjects, created, f"$JS.ACK.{stream}.{consumer}.>"]


def _reading(stream: str) -> list[str]:
    """Consumers by name. One that is made without could take the name of a service's."""
    verbs = ("CREATE", "DURABLE.CREATE", "INFO", "DELETE", "MSG.NEXT")
    return [
        f"$JS.API.STREAM.INFO.{stream}",
        *(f"$JS.API.CONSUMER.{verb}.{stream}.>" for verb in verbs),
        f"$JS.ACK.{stream}.>",
        "$JS.FC.>",
    ]


_EVENT_STREAMS = ("GATEWAY_EVENTS", "CHAT_EVENTS", "AGENT_EVENTS", "SCHEDULER_EVENTS")

ROLES: tuple[Role, ...] = (
    Role(
        "gateway",
        owns_events=True,
        reads=("CHAT_EVENTS", "AGENT_EVENTS", LIVE_STREAM),
        calls={
            "chat": (
                "delete_session",
                "edit_message",
                "get_answer",
                "get_history",
                "get_session",
                "list_messages",
                "list_sessions",
                "post_message",
                "read_messages",
                "regenerate_turn",
                "rename_session",
                "retry_turn",
                "signal_typing",
                "start_session",
                "stop_turn",
                "walk_sessions",
            ),
            "agent": (
                "apply_suggestion",
                "change_agent",
                "change_memory",
                "change_personality",
                "create_agent",
                "delete_agent",
                "dismiss_suggestion",
                "forget_memory",
                "get_agent",
                "get_personality_history",
                "get_suggestion",
                "list_agents",
                "list_memories",
                "roll_back_personality",
                "walk_agents",
            ),
            "scheduler": ("list_decisions",),
        },
        more_subscribe=("chat.live.>", "chat.ended.>"),
    ),
    Role(
        "chat",
        owns_events=True,
        more_streams=(LIVE_STREAM,),
        hears={
            "AGENT_EVENTS": ("remember_agent", "delete_sessions", "remember_personality"),
            "CHAT_EVENTS": ("index_messages", "embed_messages"),
            "GATEWAY_EVENTS": ("remember_user", "erase_user"),
        },
        calls={"agent": ("get_profile", "read_log"), "gateway": ("read_log",)},
        more_publish=("chat.live.>", "chat.ended.>", "chat.work", "chat.stop"),
        more_subscribe=("chat.work", "chat.stop", "agent.changed.*"),
    ),
    Role(
        "agent",
        owns_events=True,
        hears={
            "AGENT_EVENTS": ("forget_memories",),
            "CHAT_EVENTS": ("forget_messages", "forget_session"),
            "GATEWAY_EVENTS": ("erase_user",),
        },
        calls={"chat": ("read_log",)},
        more_publish=("agent.changed.*",),
    ),
    Role(
        "summarizer",
        hears={"CHAT_EVENTS": ("write_summary", "review_personality")},
        calls={
            "chat": ("get_summary_work", "record_summary", "get_review_work"),
            "agent": (
                "list_memories",
                "record_memories",
                "get_personality_review",
                "record_review",
            ),
        },
    ),
    Role(
        "scheduler",
        owns_events=True,
        hears={
            "AGENT_EVENTS": ("remember_manners", "forget_agent"),
            "CHAT_EVENTS": ("watch_session", "end_watch"),
            "GATEWAY_EVENTS": ("remember_user", "erase_user"),
        },
        calls={
            "chat": ("get_proactive_work", "send_proactive", "read_log"),
            "agent": ("get_agent", "get_profile", "read_log"),
            "gateway": ("read_log",),
        },
    ),
)

SERVICE_DURABLES: Mapping[str, Sequence[str]] = {
    stream: [_durable(role.service, name) for role in ROLES for name in role.hears.get(stream, ())]
    for stream in _EVENT_STREAMS
}
"""The services' durable consumers by stream."""

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
        reads=_EVENT_STREAMS,
        more_publish=("$JS.API.STREAM.NAMES",),
        # The prefix that every client has unless told otherwise.
        more_subscribe=("_INBOX.>",),
    ),
)

USERS = (*ROLES, *PEOPLE)
