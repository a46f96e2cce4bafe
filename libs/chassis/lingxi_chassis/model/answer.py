"""One streamed answer, put together from its bytes. Pure: no network, no time.

An answer is whole only with a finish reason. A stream that ends without one was cut: BadAnswer if
it ended in good order, ModelUnavailable (from the transport) if the connection broke.
"""

import json
from typing import cast

import orjson

from lingxi_chassis.model.errors import BadAnswer, ModelRefused
from lingxi_chassis.model.failures import failure_in_stream
from lingxi_chassis.model.messages import Usage
from lingxi_chassis.model.sse import LineTooLong, SseParser

ANSWER_CHARS_MAX = 200_000
MODEL_CHARS_MAX = 200
TOKENS_MAX = 2**31 - 1
_DONE = b"[DONE]"


class StreamedAnswer:
    """Feed it bytes, take text; at the end ask whether it was an answer."""

    def __init__(self) -> None:
        self._parser = SseParser()
        self._texts: list[str] = []
        self._chars = 0
        self._refused = False
        self.finish_reason: str | None = None
        self.usage: Usage | None = None
        self.model: str | None = None
        self.done = False

    def feed(self, data: bytes) -> str:
        """The text in these bytes, maybe none. Raises ModelFailure on nonsense or an error."""
        try:
            return self._take(self._parser.feed(data))
        except LineTooLong:
            raise BadAnswer("a line too long") from None

    def close(self) -> str:
        """The stream ended: the text that was left. Raises ModelFailure if that is no answer."""
        left = self._take(self._parser.close())
        if self.finish_reason == "content_filter" or (self._refused and not self._chars):
            raise ModelRefused("content filter")
        if self.finish_reason is None:
            raise BadAnswer("the answer was cut off")
        if not self.text.strip():
            raise BadAnswer("no text")
        return left

    @property
    def text(self) -> str:
        """All text so far."""
        return "".join(self._texts)

    def _take(self, events: list[bytes]) -> str:
        taken: list[str] = []
        for event in events:
            if event == _DONE:
                self.done = True
            elif not self.done:
                self._read(_parsed(event), taken)
        text = "".join(taken)
        if text:
            self._texts.append(text)
            self._chars += len(text)
            if self._chars > ANSWER_CHARS_MAX:
                raise BadAnswer("too long")
        return text

    def _read(self, chunk: dict[str, object], taken: list[str]) -> None:
        if chunk.get("error"):
            raise failure_in_stream(chunk["error"])
        if self.model is None and isinstance(model := chunk.get("model"), str):
            self.model = _storable(model)[:MODEL_CHARS_MAX] or None
        if usage := chunk.get("usage"):
            self.usage = _usage(usage)
        choices = chunk.get("choices")
        if not isinstance(choices, list) or not choices:
            return
        choice = _fields(cast(list[object], choices)[0])
        delta = _fields(choice.get("delta"))
        content = delta.get("content")
        if isinstance(content, str) and content:
            taken.append(_storable(content))
        self._refused = self._refused or bool(delta.get("refusal"))
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason:
            self.finish_reason = "stop" if reason == "eos" else reason


def _parsed(event: bytes) -> dict[str, object]:
    try:
        value: object = orjson.loads(event)
    except orjson.JSONDecodeError:
        value = _parsed_leniently(event)
    if not isinstance(value, dict):
        raise BadAnswer("not the JSON expected")
    return cast(dict[str, object], value)


def _parsed_leniently(event: bytes) -> object:
    """The standard library takes lone surrogates (half an emoji), which orjson does not."""
    try:
        return json.loads(event)
    except ValueError:
        raise BadAnswer("invalid JSON") from None


def _fields(value: object) -> dict[str, object]:
    return cast(dict[str, object], value) if isinstance(value, dict) else {}


def _storable(text: str) -> str:
    """Without what Postgres and UTF-8 cannot hold: U+0000 and lone surrogates."""
    text = text.replace("\x00", "")
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _usage(value: object) -> Usage | None:
    fields = _fields(value)
    prompt, completion = fields.get("prompt_tokens"), fields.get("completion_tokens")
    if not isinstance(prompt, int) or not isinstance(completion, int):
        return None
    return Usage(min(max(0, prompt), TOKENS_MAX), min(max(0, completion), TOKENS_MAX))
