"""What one user did and was told. A journal never guesses: an unknown outcome stays unknown."""

from dataclasses import dataclass, field
from typing import Literal

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


@dataclass(slots=True)
class Journal:
    """One user's whole story."""

    username: str
    marker: str
    """In every text of this user, and in nobody else's."""
    posts: list[Post] = field(default_factory=list[Post])
    sessions: set[str] = field(default_factory=set[str])
    deleting: set[str] = field(default_factory=set[str])
    """Sessions whose deletion was asked for, whatever was told."""
    deleted: set[str] = field(default_factory=set[str])
    """Sessions whose deletion was confirmed."""
    seen: dict[str, dict[int, tuple[str, str]]] = field(
        default_factory=dict[str, dict[int, tuple[str, str]]]
    )
    """By session and seq: message id and text, as ever shown to the user."""
    complaints: list[str] = field(default_factory=list[str])
    """What the user saw that can never be right."""

    def show(self, session_id: str, seq: int, message_id: str, text: str) -> None:
        """The user was shown a message: it must be what was shown there before."""
        shown = self.seen.setdefault(session_id, {})
        before = shown.setdefault(seq, (message_id, text))
        if before != (message_id, text):
            self.complaints.append(f"message {seq} of {session_id} changed")
