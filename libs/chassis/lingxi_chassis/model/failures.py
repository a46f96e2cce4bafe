"""From what a provider answers to our failures: by status, then by the error's code and words.

Compatible servers agree on little: the code may be missing, the error a plain string, an unknown
model a 400. The words are looked at here and never passed on.
"""

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import cast

from lingxi_chassis.clock import utc_now
from lingxi_chassis.model.errors import (
    ContextTooLong,
    ModelAuth,
    ModelFailure,
    ModelNotFound,
    ModelRateLimited,
    ModelRefused,
    ModelTimeout,
    ModelUnavailable,
)

WORDS_CHARS_MAX = 4_000
_BAD_REQUEST, _PAYMENT_REQUIRED, _NOT_FOUND = 400, 402, 404
_TOO_LARGE, _TOO_MANY, _SERVER_ERROR_MIN = 413, 429, 500
_TIMEOUTS = frozenset({408, 504, 524})
_AUTH = frozenset({401, 403})
_FOR_A_MOMENT = frozenset({409, 425})

_CONTEXT = re.compile(
    r"context.?length|context.?size|context window|maximum context|prompt is too long"
    r"|too many tokens|string_above_max_length|exceed\w* .{0,40}context"
)
_UNKNOWN_MODEL = re.compile(
    r"model_not_found|invalid_model|unknown model|not a valid model"
    r"|\bmodel\b.{0,200}(not found|does not exist|not exist|not available|not supported)"
)
_FILTERED = re.compile(r"content_filter|content.?policy|content management policy|moderation")
_NO_QUOTA = re.compile(r"insufficient_quota|billing|exceeded your current quota")


def failure_of(
    status: int, error: object = None, retry_after_seconds: float | None = None
) -> ModelFailure:
    """The failure behind an HTTP status (or one inside a stream) and the error's body."""
    words, said = _words(error), f"status {status}"
    if status in _AUTH and not _FILTERED.search(words):
        return ModelAuth(said)
    if status == _PAYMENT_REQUIRED or (status == _TOO_MANY and _NO_QUOTA.search(words)):
        return ModelRateLimited("the account has no quota left", retryable=False)
    if status == _TOO_MANY:
        return ModelRateLimited(said, retry_after_seconds=retry_after_seconds)
    if status in _TIMEOUTS:
        return ModelTimeout(said, retry_after_seconds=retry_after_seconds)
    if status >= _SERVER_ERROR_MIN or status in _FOR_A_MOMENT:
        return ModelUnavailable(said, retry_after_seconds=retry_after_seconds)
    return _of_request(status, words, said)


def _of_request(status: int, words: str, said: str) -> ModelFailure:
    """A 4xx that blames the request."""
    if status == _TOO_LARGE or _CONTEXT.search(words):
        return ContextTooLong(said)
    if _FILTERED.search(words):
        return ModelRefused("content filter")
    if _UNKNOWN_MODEL.search(words):
        return ModelNotFound(said)
    if status == _NOT_FOUND:
        return ModelUnavailable("status 404: is the base URL right?", retryable=False)
    return ModelRefused(said)


def failure_in_stream(error: object) -> ModelFailure:
    """The failure behind an error object that came inside a 200 answer."""
    code = _fields(error).get("code")
    if isinstance(code, int) and _BAD_REQUEST <= code <= 599:  # noqa: PLR2004 -- HTTP's range
        return failure_of(code, error)
    words = _words(error)
    if "rate_limit" in words or _NO_QUOTA.search(words):
        return failure_of(_TOO_MANY, error)
    if "invalid_request" in words or _CONTEXT.search(words) or _FILTERED.search(words):
        return failure_of(_BAD_REQUEST, error)
    return ModelUnavailable("an error inside the answer")


def _words(error: object) -> str:
    """What can be read of an error, in lower case, bounded."""
    if fields := _fields(error):
        inner = fields.get("error")
        if isinstance(inner, dict | str):
            return _words(cast(object, inner))
        told = (fields.get(name) for name in ("code", "type", "message", "detail"))
        return " ".join(str(one)[:WORDS_CHARS_MAX] for one in told if one is not None).lower()
    return str(error or "")[:WORDS_CHARS_MAX].lower()


def _fields(error: object) -> dict[str, object]:
    return cast(dict[str, object], error) if isinstance(error, dict) else {}


def retry_after_seconds(header: str | None) -> float | None:
    """The seconds a Retry-After header asks for: a number or an HTTP date; None if neither."""
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(header)
        return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - utc_now()).total_seconds())
    except (TypeError, ValueError):
        return None
