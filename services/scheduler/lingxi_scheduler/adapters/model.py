"""The model, as scheduler asks it: behind replies in the queue, and answered in JSON."""

from pydantic import ValidationError

from lingxi_chassis.model.client import ModelClient
from lingxi_chassis.model.errors import BadAnswer, ContextTooLong, ModelFailure, ModelRefused
from lingxi_chassis.model.messages import ChatMessage, ChatRequest, Priority
from lingxi_chassis.model.tokens import estimate_tokens
from lingxi_contracts.agent import AgentProfile
from lingxi_contracts.errors import Unavailable
from lingxi_scheduler.application.parts import NoAnswer
from lingxi_scheduler.domain.prompt import ANSWER_TOKENS_MAX, SCHEMA, Answer, Question

SCHEMA_NAME = "proactive_decision"


class DecidingModel:
    """One OpenAI-compatible URL; the agent's own model decides in its voice."""

    def __init__(self, client: ModelClient, context_tokens: int) -> None:
        self._client = client
        self.context_tokens = context_tokens

    def tokens(self, text: str, model: str | None) -> int:
        """An estimate, corrected by what this model's usage said so far."""
        name = model or self._client.default_model
        return self._client.tokens.corrected(name, estimate_tokens(text))

    async def ask(self, question: Question, profile: AgentProfile) -> Answer:
        """Whether the agent writes.

        Raises:
            Unavailable: whatever an operator or time mends.
            NoAnswer: this question got no answer that is one.
        """
        request = ChatRequest(
            [ChatMessage("system", question.task), ChatMessage("user", question.transcript)],
            model=profile.parameters.model,
            temperature=profile.parameters.temperature,
            max_tokens=ANSWER_TOKENS_MAX,
            priority=Priority.BACKGROUND,
        )
        try:
            answered = await self._client.complete_json(request, SCHEMA_NAME, SCHEMA)
            answer = Answer.model_validate(answered.value)
        except (ContextTooLong, ModelRefused, BadAnswer, ValidationError) as error:
            raise NoAnswer from error
        except ModelFailure as failure:
            raise Unavailable from failure
        if answer.decision != "wait" and not answer.text:
            raise NoAnswer
        return answer
