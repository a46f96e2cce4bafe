"""Request bodies: JSON, bounded, and free of what can be neither stored nor sent on.

`JsonRoute` parses with orjson: as strict as RFC 8259 (no NaN, no lone surrogates, no invalid
UTF-8), and quick. U+0000 is refused wherever it stands in a body, also in members nobody knows.
"""

from collections.abc import Callable, Coroutine, Iterator
from http import HTTPStatus
from typing import Any, cast

import orjson
from fastapi.exceptions import HTTPException
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from lingxi_contracts.errors import PayloadTooLarge

BODY_BYTES_MAX = 512 * 1024
"""Room for the longest message with every character escaped (32,000 times `\\ud83d\\ude00`)."""


class JsonRequest(Request):
    """A request whose body is bounded, strict JSON without U+0000."""

    async def body(self) -> bytes:
        """The whole body; reading stops at the bound.

        Raises:
            HTTPException: 413. (FastAPI hides every other exception that is raised here.)
        """
        if not hasattr(self, "_body"):
            parts: list[bytes] = []
            size_bytes = 0
            async for part in self.stream():
                parts.append(part)
                size_bytes += len(part)
                if size_bytes > BODY_BYTES_MAX:
                    raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            self._body = b"".join(parts)
        return self._body

    async def json(self) -> Any:
        """The parsed body.

        Raises:
            json.JSONDecodeError: it is not JSON.
            HTTPException: 422, a text in it has U+0000; `detail` lists where.
        """
        raw = await self.body()
        parsed = orjson.loads(raw)
        if b"\\u0000" in raw:  # rarely: it may also be a backslash and `u0000`
            faults = [
                {"loc": ["body", *path], "msg": "must not contain U+0000", "type": "value_error"}
                for path in _with_nul(parsed, ())
            ]
            if faults:
                raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, faults)
        return parsed


type Path = tuple[str | int, ...]


def _with_nul(value: Any, path: Path) -> Iterator[Path]:
    match value:
        case str() if "\x00" in value:
            yield path
        case dict():
            for key, member in cast("dict[str, Any]", value).items():
                yield from _with_nul(key, path)
                yield from _with_nul(member, (*path, key))
        case list():
            for index, member in enumerate(cast("list[Any]", value)):
                yield from _with_nul(member, (*path, index))
        case _:
            pass


class JsonRoute(APIRoute):
    """The route class of every router here."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, given our request."""
        handle = super().get_route_handler()

        async def handle_json(request: Request) -> Response:
            announced = request.headers.get("content-length", "0")
            if announced.isdecimal() and int(announced) > BODY_BYTES_MAX:
                raise PayloadTooLarge(bytes_max=BODY_BYTES_MAX)
            return await handle(JsonRequest(request.scope, request.receive))

        return handle_json
