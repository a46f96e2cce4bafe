"""Refusals: an owner's "no". Each has one class and one code; its docstring is its message.

A refusal is an answer, not a fault: it travels through request/reply as it is, and the gateway maps
its class to one HTTP status in one table. `facts` are the machine-readable parts a code needs.
"""

from typing import Any, ClassVar


class Refusal(Exception):
    """The request was refused."""

    code: ClassVar[str] = "refused"
    by_code: ClassVar[dict[str, type["Refusal"]]] = {}

    def __init__(self, **facts: Any) -> None:
        self.facts = facts
        super().__init__(self.message)

    def __init_subclass__(cls) -> None:
        Refusal.by_code[cls.code] = cls

    @property
    def message(self) -> str:
        """The class docstring, on one line."""
        return " ".join((self.__doc__ or "").split())


class SessionNotFound(Refusal):
    """There is no such session."""

    code = "session_not_found"


class MessageNotFound(Refusal):
    """There is no such message in this session."""

    code = "message_not_found"


class AgentNotFound(Refusal):
    """There is no such agent."""

    code = "agent_not_found"


class AgentNameTaken(Refusal):
    """Another agent of yours has this name."""

    code = "agent_name_taken"


class PersonalityVersionNotFound(Refusal):
    """The agent's personality never had this version."""

    code = "personality_version_not_found"


class SuggestionNotFound(Refusal):
    """No suggestion of a personality waits in this session."""

    code = "suggestion_not_found"


class MemoryNotFound(Refusal):
    """The agent has no such memory."""

    code = "memory_not_found"


class SummaryOutdated(Refusal):
    """The session's summary is another one by now, or what it tells was superseded."""

    code = "summary_outdated"


class ProactiveExpired(Refusal):
    """It is too late to send this."""

    code = "proactive_expired"


class ProactiveOutdated(Refusal):
    """The user has said something since this was decided."""

    code = "proactive_outdated"


class UnreadMessages(Refusal):
    """The user has not read the agent's messages yet."""

    code = "unread_messages"


class AgentMismatch(Refusal):
    """The session belongs to another agent than the one named beside it."""

    code = "agent_mismatch"


class IdempotencyKeyReused(Refusal):
    """This Idempotency-Key was used with another request before."""

    code = "idempotency_key_reused"


class TurnOpen(Refusal):
    """The agent is answering right now."""

    code = "turn_open"


class NothingToRetry(Refusal):
    """The newest turn of this session did not fail."""

    code = "nothing_to_retry"


class NothingToRegenerate(Refusal):
    """The newest turn of this session has no answer that could be made again."""

    code = "nothing_to_regenerate"


class NotNewestMessage(Refusal):
    """Only your newest message can be edited."""

    code = "not_newest_message"


class TooManyPending(Refusal):
    """Too many messages are waiting for this agent's answer."""

    code = "too_many_pending"


class InvalidInput(Refusal):
    """The request does not have the right form."""

    code = "invalid_input"


class PayloadTooLarge(Refusal):
    """The request is too large."""

    code = "payload_too_large"


class Unavailable(Refusal):
    """A part of the service is away at the moment; try again."""

    code = "unavailable"
