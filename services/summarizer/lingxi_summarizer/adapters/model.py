"""The model, as summarizer asks it: a question in, JSON out, behind replies in the queue."""

from lingxi_chassis.model.client import ModelClient
from lingxi_chassis.model.errors import BadAnswer, ContextTooLong, ModelFailure, ModelRefused
from lingxi_chassis.model.messages import ChatMessage, ChatRequest, Priority
from lingxi_chassis.model.tokens import estimate_tokens
from lingxi_contracts.errors import Unavailable
from lingxi_summarizer.domain.asking import Question


class AskedModel:
    """One OpenAI-compatible URL; the operator's default model answers."""

    def __init__(self, client: ModelClient, context_tokens: int) -> None:
        self._client = client
        self.context_tokens = context_tokens

    def tokens(self, text: str) -> int:
        """An estimate, corrected by what usage said so far."""
        return self._client.tokens.corrected(self._client.default_model, estimate_tokens(text))

    async def ask(self, question: Question) -> object:
        """JSON, meant to be of the question's schema.

        Raises:
            Unavailable: whatever an operator or time mends, a wrong key too: it delays, no more.
            ContextTooLong, ModelRefused, BadAnswer: this question gets no answer.
        """
        request = ChatRequest(
            [ChatMessage("system", question.task), ChatMessage("user", question.transcript)],
            priority=Priority.BACKGROUND,
        )
        try:
            answer = await self._client.complete_json(request, question.name, question.schema)
        except (ContextTooLong, ModelRefused, BadAnswer):
            raise
        except ModelFailure as failure:
            raise Unavailable from failure
        return answer.value
