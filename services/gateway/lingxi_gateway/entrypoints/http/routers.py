"""How a router of this interface is made."""

from http import HTTPStatus

from fastapi import APIRouter

from lingxi_gateway.entrypoints.http.body import JsonRoute
from lingxi_gateway.entrypoints.http.problems import documented


def router(prefix: str, tag: str, *statuses: HTTPStatus) -> APIRouter:
    """A router with strict JSON bodies; `statuses`: the problems all its routes can answer."""
    return APIRouter(
        prefix=prefix,
        tags=[tag],
        route_class=JsonRoute,
        responses=documented(HTTPStatus.UNPROCESSABLE_ENTITY, *statuses),
    )
