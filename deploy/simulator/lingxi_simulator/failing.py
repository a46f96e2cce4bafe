"""How a fault looks on the wire: refused, garbled, slow, silent or broken off."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import orjson

from lingxi_simulator import http
from lingxi_simulator.faults import Rule

_TYPES = {400: "invalid_request_error", 401: "authentication_error", 404: "invalid_request_error",
          429: "rate_limit_error"}  # fmt: skip
SERVER_ERROR_MIN = 500
_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
_BROKEN_JSON = b'{"id":"chatcmpl-0","choices":[{"index":0,"del'
_NO_CHOICES = b'{"id":"chatcmpl-0","object":"chat.completion","created":0,"model":"m","choices":[]}'


def event(data: bytes) -> bytes:
    """One server-sent event."""
    return b"data: %b\n\n" % data


DONE = event(b"[DONE]")
PLAYED = frozenset({"hang", "cut", "slow", "stream_error"})


def error_reply(
    status: int, message: str, code: str | None = None, retry_after_seconds: float | None = None
) -> http.Reply:
    """An error as the API words it."""
    waits = {} if retry_after_seconds is None else {"retry-after": f"{retry_after_seconds:g}"}
    return http.Reply(status, orjson.dumps(_error(status, message, code)), headers=waits)


def _error(status: int, message: str, code: str | None) -> dict[str, object]:
    kind = _TYPES.get(
        status, "server_error" if status >= SERVER_ERROR_MIN else "invalid_request_error"
    )
    named = code or _CODES.get(status)
    kind = _TYPES.get(status, kind)
    return {"error": {"message": message, "type": kind, "param": None, "code": named}}


def refused(rule: Rule, model: str, streamed: bool) -> http.Answer | None:
    """The answer of a fault that needs none from the model; None for the other faults."""
    match rule.do:
        case "status":
            said = rule.message or f"injected status {rule.status}"
            return error_reply(rule.status, said, rule.code, rule.retry_after_seconds)
        case "unknown_model":
            said = f"The model `{model}` does not exist or you do not have access to it."
            return error_reply(404, said, "model_not_found")
        case "context_length":
            said = "This model's maximum context length is 8192 tokens. Please reduce the length."
            return error_reply(400, said, "context_length_exceeded")
        case "nonsense":
            return _nonsense(rule.kind, streamed)
        case _:
            return None


def _nonsense(kind: str, streamed: bool) -> http.Answer:
    if kind == "html":
        return http.Reply(200, b"<html><body>It works!</body></html>", "text/html")
    body = _BROKEN_JSON if kind == "invalid_json" else _NO_CHOICES
    if not streamed:
        return http.Reply(200, body)
    return http.STREAM_HEAD + http.chunk(event(body) + DONE) + http.STREAM_END


async def played(rule: Rule, parts: Sequence[bytes]) -> AsyncIterator[bytes]:
    """A stream with the rule's fault in it. `parts`: the opening event, the text, the
    closing events. Chunks are counted in parts of the text."""
    faulty_at = 0 if rule.after_chunks == 0 else min(rule.after_chunks + 1, len(parts) - 2)
    for at, part in enumerate(parts):
        if at == faulty_at and rule.do == "hang":
            await rule.passes(rule.seconds or None)
        elif at == faulty_at and rule.do == "stream_error":
            if at == 0:
                yield http.STREAM_HEAD
            said = orjson.dumps(_error(rule.status, rule.message or "injected", rule.code))
            yield http.chunk(event(said)) + http.STREAM_END
            return
        elif at == faulty_at and rule.do == "cut":
            if rule.clean:
                yield (http.STREAM_HEAD if at == 0 else b"") + http.STREAM_END
                return
            raise http.Cut
        elif rule.do == "slow":
            await asyncio.sleep(rule.delay_ms / 1000)
        yield (http.STREAM_HEAD if at == 0 else b"") + http.chunk(part)
    yield http.STREAM_END


async def played_whole(rule: Rule, reply: http.Reply) -> AsyncIterator[bytes]:
    """A plain answer with the rule's fault in it."""
    if rule.do == "hang":
        await rule.passes(rule.seconds or None)
    elif rule.do == "slow":
        await asyncio.sleep(rule.delay_ms / 1000)
    elif rule.do == "cut":
        encoded = reply.encode()
        if rule.after_chunks:
            yield encoded[: len(encoded) - len(reply.body) // 2 - 1]
        raise http.Cut
    yield reply.encode()
