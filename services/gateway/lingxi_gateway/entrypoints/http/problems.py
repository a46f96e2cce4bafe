"""RFC 9457 problems: every failure a client can see, and the one table of their statuses."""

from http import HTTPStatus
from typing import Any

import orjson
from pydantic import BaseModel, Field
from starlette.responses import Response

from lingxi_contracts import errors
from lingxi_contracts.errors import Refusal
from lingxi_gateway.domain import refusals

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 1
"""What a client is told to wait when the refusal itself does not know."""
RETRY_AFTER_FACT = "retry_after_seconds"
CHALLENGE = 'Bearer realm="lingxi"'

STATUS_OF: dict[type[Refusal], HTTPStatus] = {
    errors.SessionNotFound: HTTPStatus.NOT_FOUND,
    errors.MessageNotFound: HTTPStatus.NOT_FOUND,
    errors.AgentNotFound: HTTPStatus.NOT_FOUND,
    errors.PersonalityVersionNotFound: HTTPStatus.NOT_FOUND,
    errors.SuggestionNotFound: HTTPStatus.NOT_FOUND,
    errors.MemoryNotFound: HTTPStatus.NOT_FOUND,
    errors.AgentNameTaken: HTTPStatus.CONFLICT,
    errors.TurnOpen: HTTPStatus.CONFLICT,
    errors.NothingToRegenerate: HTTPStatus.CONFLICT,
    errors.NothingToRetry: HTTPStatus.CONFLICT,
    errors.NotNewestMessage: HTTPStatus.CONFLICT,
    errors.SummaryOutdated: HTTPStatus.CONFLICT,
    errors.ProactiveExpired: HTTPStatus.CONFLICT,
    errors.ProactiveOutdated: HTTPStatus.CONFLICT,
    errors.UnreadMessages: HTTPStatus.CONFLICT,
    errors.AgentMismatch: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.IdempotencyKeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.PayloadTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.TooManyPending: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    refusals.NotAuthenticated: HTTPStatus.UNAUTHORIZED,
    refusals.TokenInvalid: HTTPStatus.UNAUTHORIZED,
    refusals.CredentialsInvalid: HTTPStatus.UNAUTHORIZED,
    refusals.AccountDisabled: HTTPStatus.FORBIDDEN,
    refusals.PasswordWrong: HTTPStatus.FORBIDDEN,
    refusals.RegistrationClosed: HTTPStatus.FORBIDDEN,
    refusals.UsernameTaken: HTTPStatus.CONFLICT,
    refusals.TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    refusals.TooManyLogins: HTTPStatus.TOO_MANY_REQUESTS,
    refusals.RouteNotFound: HTTPStatus.NOT_FOUND,
    refusals.MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
}


class Problem(BaseModel):
    """An error answer (RFC 9457); `code` is for programs, `detail` for people."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str


class FieldError(BaseModel):
    """One thing that is wrong with a request: where, what, and its kind."""

    loc: list[str | int]
    msg: str
    type: str


class InvalidProblem(Problem):
    """The request does not have the right form; `errors` says where."""

    errors: list[FieldError] = Field(default_factory=list[FieldError])


def problem(
    status: HTTPStatus,
    code: str,
    detail: str,
    facts: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """A problem answer; `facts` are further members, next to the standard ones."""
    body = {
        **(facts or {}),
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "code": code,
    }
    content = orjson.dumps(body, default=str)
    return Response(content, status.value, headers, media_type=MEDIA_TYPE)


def refused(refusal: Refusal) -> Response:
    """The problem of a refusal."""
    status = STATUS_OF.get(type(refusal), HTTPStatus.UNPROCESSABLE_ENTITY)
    headers: dict[str, str] = {}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = _challenge(refusal)
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        headers["Retry-After"] = str(refusal.facts.get(RETRY_AFTER_FACT, RETRY_AFTER_SECONDS))
    facts = dict(refusal.facts)
    if status is HTTPStatus.UNPROCESSABLE_ENTITY:
        facts.setdefault("errors", [])
    return problem(status, refusal.code, refusal.message, facts, headers)


def _challenge(refusal: Refusal) -> str:
    if isinstance(refusal, refusals.TokenInvalid):
        return f'{CHALLENGE}, error="invalid_token"'
    return CHALLENGE


def documented(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route for OpenAPI: these statuses answer with a problem."""
    described: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        model = InvalidProblem if status is HTTPStatus.UNPROCESSABLE_ENTITY else Problem
        schema = {"$ref": f"#/components/schemas/{model.__name__}"}
        described[status.value] = {
            "description": status.phrase,
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
    return described
