"""Ids that are derived, so that a repeat finds what the first one made.

Source: architecture 5. All other ids are UUIDv7, made by whoever needs to know them first.
"""

from uuid import UUID, uuid5


def derived_message_id(user_id: UUID, idempotency_key: str) -> UUID:
    """The id of the message that a user posts under a key; the same for each repeat."""
    return uuid5(user_id, f"m:{idempotency_key}")


def derived_session_id(user_id: UUID, idempotency_key: str) -> UUID:
    """The id of the session that a first message under a key opens."""
    return uuid5(user_id, f"s:{idempotency_key}")


def suggestion_id(session_id: UUID, to_seq: int) -> UUID:
    """The id of what a review of a session up to a seq suggests."""
    return uuid5(session_id, f"r:{to_seq}")


def memory_id(session_id: UUID, covers_from: int, covers_up_to: int, index: int) -> UUID:
    """The id of what was learned from a session, from one seq to another, as the n-th fact."""
    return uuid5(session_id, f"f:{covers_from}:{covers_up_to}:{index}")


def decision_id(session_id: UUID, armed_seq: int) -> UUID:
    """The id of the decision about one silence of a session."""
    return uuid5(session_id, f"p:{armed_seq}")


def waiting_decision_id(decision: UUID, number: int) -> UUID:
    """The id of the line that says why a silence is not decided yet; they are numbered from 0."""
    return uuid5(decision, f"w:{number}")


def proactive_message_id(decision: UUID) -> UUID:
    """The id of the message that a decision becomes."""
    return uuid5(decision, "m")
