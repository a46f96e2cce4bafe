"""Messages, work and memories for questions about them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from lingxi_chassis.model.tokens import estimate_tokens
from lingxi_contracts.agent import MemoryView
from lingxi_contracts.chat import MessageView, SummaryWork

SESSION = UUID("01a203e2-68f2-75b6-a862-1ad8484928f1")
AT = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
BUDGET_TOKENS = 5_700
tokens = estimate_tokens


def message(seq: int, text: str = "", author: str = "") -> MessageView:
    """The user has the odd seqs, unless told otherwise."""
    return MessageView.model_validate(
        {
            "message_id": uuid5(SESSION, str(seq)),
            "seq": seq,
            "sent_at": AT,
            "author": author or ("user" if seq % 2 else "agent"),
            "text": text or f"words number {seq}",
            "read": True,
        }
    )


def work(*messages: MessageView, **more: Any) -> SummaryWork:
    """Work on these messages."""
    values: dict[str, Any] = {
        "agent_id": SESSION,
        "version": messages[-1].seq,
        "covers_from": messages[0].seq,
        "covers_up_to": messages[-1].seq,
        "superseded_count": 0,
        "title": "",
        "summary": "",
        "messages": messages,
    }
    return SummaryWork.model_validate(values | more)


def memory(text: str) -> MemoryView:
    """Something known."""
    return MemoryView(
        memory_id=uuid5(SESSION, text),
        agent_id=SESSION,
        text=text,
        evidence=(),
        created_at=AT,
        updated_at=AT,
    )
