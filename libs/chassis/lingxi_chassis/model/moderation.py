"""The client for moderation: texts in, what each needs care for out."""

from collections.abc import Sequence

import orjson

from lingxi_chassis.model.ask_once import AskOnce
from lingxi_chassis.model.errors import BadAnswer
from lingxi_chassis.model.messages import Priority
from lingxi_chassis.model.wire import MODERATIONS

ANSWER_BYTES_MAX = 1024 * 1024

type Categories = frozenset[str]
"""What a provider found in a text, in its own words: `self-harm/intent`."""


class ModerationClient:
    """Asks one moderation `model` at one OpenAI-compatible URL."""

    def __init__(self, base_url: str, api_key: str, model: str, concurrency: int) -> None:
        self._model = model
        self._asked = AskOnce(base_url, api_key, model, MODERATIONS, concurrency)

    async def close(self) -> None:
        """Closes the connections; calls in flight fail."""
        await self._asked.close()

    async def look_at(self, texts: Sequence[str], deadline_seconds: float) -> list[Categories]:
        """What each text was flagged for; empty: nothing. Before background work.

        Raises ModelFailure.
        """
        body = orjson.dumps({"model": self._model, "input": list(texts)})
        answer = await self._asked.ask(body, Priority.REPLY, deadline_seconds, ANSWER_BYTES_MAX)
        found = categories_in(answer)
        if len(found) != len(texts):
            raise BadAnswer("not the moderation asked for")
        return found


def categories_in(body: bytes) -> list[Categories]:
    """What an answer says of each text, in their order. Raises BadAnswer."""
    try:
        return [
            frozenset(name for name, fits in one["categories"].items() if fits is True)
            if one["flagged"]
            else frozenset()
            for one in orjson.loads(body)["results"]
        ]
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
        raise BadAnswer("not the moderation asked for") from None
