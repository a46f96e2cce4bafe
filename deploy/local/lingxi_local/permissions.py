"""Who may say and hear what on NATS: one table, one user a service.

Deny by default. An answer to a request needs no permission of its own (`allow_responses`). Every
user has its own inbox prefix, so that nobody reads another's answers. A consumer's name is a whole
subject token, so its prefix can't be restricted here.
Used by the embedded server here and by the other ways to run Lingxi.
"""

from collections.abc import Sequence
from dataclasses import dataclass

DEAD_LETTERS = "DEAD_LETTERS"
LIVE_STREAM = "CHAT_LIVE"


@dataclass(frozen=True)
class Role:
    """What a service is to others; the subjects follow from it."""

    service: str
    owns_events: bool = False
    # Streams it owns beside its log.
    more_streams: Sequence[str] = ()
    # Streams it reads.
    reads: Sequence[str] = ()
    # Owners all of whose RPCs it may call.
    calls: Sequence[str] = ()
    more_publish: Sequence[str] = ()
    more_subscribe: Sequence[str] = ()

    @property
    def inbox_prefix(self) -> str:
        """The prefix of its answer inboxes, without the final dot."""
        return f"_INBOX_{self.service}"

    def publish(self) -> list[str]:
        """Every subject it may publish to."""
        subjects = ["$JS.API.INFO", f"dead.{self.service}.>", *_shared_stream(DEAD_LETTERS)]
        if self.owns_events:
            subjects += [f"{self.service}.event.>", f"{self.service}.relay"]
            subjects += _own_stream(_log_of(self.service))
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
        own = [f"{self.service}.rpc.>", f"{self.service}.relay"] if self.owns_events else []
        return [f"{self.inbox_prefix}.>", *own, *self.more_subscribe]


def _log_of(owner: str) -> str:
    return f"{owner.upper()}_EVENTS"


def _own_stream(stream: str) -> list[str]:
    verbs = ("INFO", "CREATE", "UPDATE", "PURGE", "MSG.GET")
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


ROLES: tuple[Role, ...] = (
    Role(
        "gateway",
        owns_events=True,
        reads=("CHAT_EVENTS", "AGENT_EVENTS", LIVE_STREAM),
        calls=("chat", "agent"),
        more_publish=("chat.live.>",),
        more_subscribe=("chat.live.>",),
    ),
    Role(
        "chat",
        owns_events=True,
        more_streams=(LIVE_STREAM,),
        reads=("AGENT_EVENTS", "GATEWAY_EVENTS"),
        more_publish=("chat.live.>", "chat.work", "agent.rpc.get_profile"),
        more_subscribe=("chat.work",),
    ),
    Role("agent", owns_events=True, reads=("CHAT_EVENTS", "GATEWAY_EVENTS")),
    Role("summarizer", reads=("CHAT_EVENTS",), calls=("chat", "agent")),
    Role(
        "scheduler",
        owns_events=True,
        reads=("CHAT_EVENTS", "AGENT_EVENTS", "GATEWAY_EVENTS"),
        calls=("chat", "agent"),
    ),
)
