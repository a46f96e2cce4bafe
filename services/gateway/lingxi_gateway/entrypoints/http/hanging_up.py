"""Whether the client of a request is still there."""

from collections.abc import Coroutine
from typing import Any, cast

from starlette.requests import Request


def has_hung_up(request: Request) -> bool:
    """As far as this process has heard by now; of a request whose body was read.

    What starlette's `is_disconnected` answers, in a tenth of its time: that one looks by cancelling
    a scope around its wait.
    """
    heard = cast("Coroutine[Any, Any, dict[str, Any]]", request.receive())
    try:
        heard.send(None)
    except StopIteration as told:
        message: dict[str, Any] = told.value
        return message["type"] == "http.disconnect"
    heard.close()  # nothing was heard: it would have waited
    return False
