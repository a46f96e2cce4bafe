"""The model, as chat speaks to it: a prompt in, a reply out as it comes."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from lingxi_chassis.model.client import ModelClient
from lingxi_chassis.model.messages import Again, ChatMessage, ChatRequest, Delta, Priority
from lingxi_chat.application.parts import Anew, Spoken
from lingxi_chat.domain.prompt import Prompt
from lingxi_contracts.agent import AgentProfile
from lingxi_contracts.chat import Usage

BUBBLE_BORDER = "\n<next>\n"
"""The agent's earlier bubbles stand in the prompt in the syntax it is asked for."""


class SpeakingModel:
    """One OpenAI-compatible URL, shared by all turns of the process."""

    def __init__(self, client: ModelClient) -> None:
        self._client = client

    def estimated(self, tokens: int, model: str | None) -> int:
        """What an estimate would say of them, by what this model's usage said so far."""
        return self._client.tokens.estimated(model or self._client.default_model, tokens)

    async def speak(
        self, profile: AgentProfile, prompt: Prompt, max_tokens: int | None
    ) -> AsyncGenerator[str | Anew | Spoken]:
        """The reply as it comes, then `Spoken`. Raises ModelFailure."""
        request = ChatRequest(
            messages=_messages(prompt),
            model=profile.parameters.model,
            temperature=profile.parameters.temperature,
            max_tokens=max_tokens,
            priority=Priority.REPLY,
        )
        async with aclosing(self._client.stream(request)) as parts:
            async for part in parts:
                match part:
                    case Delta():
                        yield part.text
                    case Again():
                        yield Anew()
                    case completion:
                        yield Spoken(
                            model=completion.model,
                            fallback_from=completion.fallback_from,
                            usage=Usage(
                                prompt_tokens=completion.usage.prompt_tokens,
                                completion_tokens=completion.usage.completion_tokens,
                            ),
                            latency_ms=completion.latency_ms,
                        )


def _messages(prompt: Prompt) -> list[ChatMessage]:
    messages = [ChatMessage("system", prompt.system)]
    for said in prompt.messages:
        last = messages[-1]
        if said.author == "user":
            messages.append(ChatMessage("user", said.text))
        elif last.role == "assistant":
            messages[-1] = ChatMessage("assistant", last.content + BUBBLE_BORDER + said.text)
        else:
            messages.append(ChatMessage("assistant", said.text))
    return messages
