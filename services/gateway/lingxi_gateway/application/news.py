"""What came in a session since the answer before: the texts of it, asked of their owners.

Nothing is asked where nothing came. What cannot be had now is left out: the answer does not wait.
"""

from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from lingxi_chassis.rpc import RpcClient
from lingxi_contracts.agent import GetAgent
from lingxi_contracts.chat import GetSession
from lingxi_contracts.errors import Refusal
from lingxi_gateway.application.outcome import Answered, Outcome

TIMEOUT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Texts:
    """Of the news that are texts; null: none, or not to be had."""

    summary: str | None = None
    personality_prompt: str | None = None


NOTHING = Texts()


async def texts_of_news(rpc: RpcClient, user_id: UUID, session_id: UUID, outcome: Outcome) -> Texts:
    """The newest summary and personality, where an answer says that there is a new one."""
    news = outcome.news if isinstance(outcome, Answered) else ()
    summary = personality = None
    if "summary" not in news and "personality" not in news:
        return NOTHING
    with suppress(Refusal):
        question = GetSession(user_id=user_id, session_id=session_id)
        session = await rpc.call(question, TIMEOUT_SECONDS)
        summary = session.summary if "summary" in news else None
        if "personality" in news:
            asked = GetAgent(user_id=user_id, agent_id=session.agent_id)
            personality = (await rpc.call(asked, TIMEOUT_SECONDS)).personality_prompt
    return Texts(summary, personality)
