"""What one user did and was told. A journal never guesses: an unknown outcome stays unknown."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from tests.e2e.feed import Frame

type Told = Literal["unknown", "pending", "answered", "failed", "refused"]


@dataclass(slots=True)
class Post:
    """One message and what its user was told about it, over all repeats with the same key."""

    key: str
    text: str
    session_id: str | None
    """As in the request; null: the message opens a session."""
    in_session: str | None = None
    """Where it is, once the user was told."""
    told: Told = "unknown"
    message_id: str | None = None
    turn_id: str | None = None
    answer: dict[str, str] = field(default_factory=dict[str, str])
    """Bubbles by message id, once the user was told an answer."""
    refusal: str | None = None
    agent_id: str | None = None

    @property
    def open(self) -> bool:
        """Whether its outcome is not known yet."""
        return self.told in ("unknown", "pending")


@dataclass(slots=True)
class Edit:
    """Other words for a message. `accepted`: the user was told so; else it may be either."""

    session_id: str
    text: str
    accepted: bool = False


@dataclass(slots=True)
class Journal:
    """One user's whole story."""

    username: str
    marker: str
    """In every text of this user, and in nobody else's."""
    user_id: str = ""
    posts: list[Post] = field(default_factory=list[Post])
    edits: list[Edit] = field(default_factory=list[Edit])
    sessions: set[str] = field(default_factory=set[str])
    redone: set[str] = field(default_factory=set[str])
    """Sessions in which an answer may have been made again: then a repeat gets another one."""
    deleting: set[str] = field(default_factory=set[str])
    """Sessions whose deletion was asked for, whatever was told."""
    deleted: set[str] = field(default_factory=set[str])
    """Sessions whose deletion was confirmed."""
    agents: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """The sessions of each agent that the user made."""
    agents_deleting: set[str] = field(default_factory=set[str])
    agents_deleted: set[str] = field(default_factory=set[str])
    leaving: bool = False
    """The account's deletion was asked for."""
    left: bool = False
    """It was confirmed."""
    seen: dict[str, dict[int, tuple[str, str]]] = field(
        default_factory=dict[str, dict[int, tuple[str, str]]]
    )
    """By session and seq: message id and text, as ever shown to the user."""
    spans: list[list[Frame]] = field(default_factory=lambda: [list[Frame]()])
    """What the feed told that is durable; each reset begins another span."""
    done: Counter[str] = field(default_factory=Counter[str])
    """What was accepted, by its name."""
    complaints: list[str] = field(default_factory=list[str])
    """What the user saw that can never be right."""

    def show(self, session_id: str, seq: int, message_id: str, text: str) -> None:
        """The user was shown a message: it must be what was shown there before."""
        shown = self.seen.setdefault(session_id, {})
        before = shown.setdefault(seq, (message_id, text))
        if before != (message_id, text):
            self.complaints.append(f"message {seq} of {session_id} changed")

    @property
    def living(self) -> list[str]:
        """The sessions whose deletion nobody asked for."""
        return sorted(self.sessions - self.deleting)

    @property
    def open_posts(self) -> list[Post]:
        """Those whose outcome is not known yet."""
        return [post for post in self.posts if post.open]

    def gone_texts(self) -> list[str]:
        """What must be nowhere, now that it was deleted."""
        if self.left:
            return [self.marker]
        posts = [post.text for post in self.posts if post.in_session in self.deleted]
        return posts + [edit.text for edit in self.edits if edit.session_id in self.deleted]
