"""Turns what routes and FastAPI raise into problems."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route

from lingxi_contracts.errors import InvalidInput, PayloadTooLarge, Refusal
from lingxi_gateway.domain.refusals import MethodNotAllowed, RouteNotFound
from lingxi_gateway.entrypoints.http.body import BODY_BYTES_MAX
from lingxi_gateway.entrypoints.http.problems import problem, refused

ERRORS_MAX = 20
"""How many of a request's faults an answer lists."""


def answer_failures(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Register the handlers; unexpected exceptions are answered by `edge`.

    `routes`: those of all routers, for what a path takes.
    """

    async def http(request: Request, error: Exception) -> Response:
        return _http(cast("HTTPException", error), lambda: _allowed(request, routes))

    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, http)


async def _refusal(_: Request, error: Exception) -> Response:
    return refused(cast("Refusal", error))


async def _invalid(_: Request, error: Exception) -> Response:
    faults = cast("RequestValidationError", error).errors()
    return refused(InvalidInput(errors=[_fault(fault) for fault in faults[:ERRORS_MAX]]))


def _fault(fault: dict[str, Any]) -> dict[str, Any]:
    """Where and what; never what was sent: it may be a password."""
    return {"loc": list(fault["loc"]), "msg": _said(fault), "type": fault["type"]}


def _said(fault: dict[str, Any]) -> str:
    """Pydantic's words, but of a text's length: behind a validator of ours it counts "items"."""
    bounds: dict[str, Any] = fault.get("ctx", {})
    match fault["type"]:
        case "too_short" if bounds.get("field_type") == "Value":
            least: int = bounds["min_length"]
            return "must not be empty" if least == 1 else f"must have at least {least} characters"
        case "too_long" if bounds.get("field_type") == "Value":
            return f"must have at most {bounds['max_length']} characters"
        case _:
            return fault["msg"].removeprefix("Value error, ")


def _http(raised: HTTPException, allowed: Callable[[], str]) -> Response:
    status = HTTPStatus(raised.status_code)
    if status is HTTPStatus.NOT_FOUND:
        return refused(RouteNotFound())
    if status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return refused(PayloadTooLarge(bytes_max=BODY_BYTES_MAX))
    if status is HTTPStatus.UNPROCESSABLE_ENTITY:
        return refused(InvalidInput(errors=cast("list[Any]", raised.detail)[:ERRORS_MAX]))
    if status is HTTPStatus.BAD_REQUEST:  # FastAPI could not parse the body
        fault = {"loc": ["body"], "msg": "not readable as JSON", "type": "json_invalid"}
        return refused(InvalidInput(errors=[fault]))
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        answer = refused(MethodNotAllowed())
        answer.headers["Allow"] = allowed() or (raised.headers or {}).get("Allow", "")
        return answer
    code = status.name.lower()
    return problem(status, code, status.phrase, headers=dict(raised.headers or {}))


def _allowed(request: Request, routes: Sequence[BaseRoute]) -> str:
    """The methods that the path takes. (Starlette names those of its first route only.)"""
    methods: set[str] = set()
    for route in routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods or set()
    return ", ".join(sorted(methods))
