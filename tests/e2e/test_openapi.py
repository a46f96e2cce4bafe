"""The document keeps its word: requests made from it, fit and unfit, get no 5xx of ours and only
the statuses, media types and shapes that it names.

Requests and checks are schemathesis'. Few are made of each route, always the same ones, so that it
costs seconds and what failed once fails again; more are made by `OPENAPI_EXAMPLES=100`.
"""

import asyncio
import os
from dataclasses import dataclass
from typing import Any, cast

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings, strategies as st
from schemathesis import GenerationMode, checks as of_all
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks as of_openapi

from tests.e2e.client import ANSWER_SECONDS_MAX, new_user
from tests.e2e.world import World, populated
from tests.fixtures.system import RunningSystem

EXAMPLES = int(os.environ.get("OPENAPI_EXAMPLES", "4"))
CHECKS: list[Any] = [
    cast("Any", of_all).not_a_server_error,
    of_openapi.status_code_conformance,
    of_openapi.content_type_conformance,
    of_openapi.response_headers_conformance,
    cast("Any", of_openapi).response_schema_conformance,
]
STREAMED = "text/event-stream"
OPERATIONS_MIN = 35


@dataclass(frozen=True)
class Caller:
    """Somebody who has something of everything, and where they send their requests."""

    base_url: str
    headers: dict[str, str]
    ids: dict[str, str]


@pytest.fixture
def caller(system: RunningSystem) -> Caller:
    async def made() -> World:
        async with new_user(system.base_url) as user:
            return await populated(user)

    world = asyncio.run(made())
    headers = {"Authorization": f"Bearer {world.user.access}"}
    return Caller(system.base_url, headers, dict(world.ids))


def document(base_url: str) -> dict[str, Any]:
    return requests.get(f"{base_url}/openapi.json", timeout=ANSWER_SECONDS_MAX).json()


def operations(told: dict[str, Any]) -> list[Any]:
    """All of the document; what deletes comes last, for it is meant."""
    schema = schemathesis.openapi.from_dict(told)
    found = [operation.ok() for operation in cast("Any", schema).get_all_operations()]
    return sorted(found, key=lambda one: one.method == "delete")


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_operation(caller: Caller, mode: GenerationMode) -> None:
    tried = operations(document(caller.base_url))
    assert len(tried) >= OPERATIONS_MIN
    broken: dict[str, str] = {}
    for operation in tried:
        try:
            _try(operation, mode, caller)
        except (FailureGroup, AssertionError) as failure:
            broken[operation.label] = str(failure)[:2000]
    assert not broken, "\n\n".join(f"{label}: {why}" for label, why in broken.items())


def test_a_word_that_is_not_kept_is_noticed(caller: Caller) -> None:
    """Shows that the test above tests something: statuses that are not in the document."""
    path = "/api/sessions/{session_id}/messages/"
    for status, mode in (
        ("200", GenerationMode.POSITIVE),
        ("404", GenerationMode.POSITIVE),
        ("422", GenerationMode.NEGATIVE),
    ):
        told = document(caller.base_url)
        told["paths"] = {path: told["paths"][path]}
        del told["paths"][path]["get"]["responses"][status]
        (operation,) = operations(told)
        with pytest.raises(FailureGroup, match=status):
            _try(operation, mode, caller)


def _try(operation: Any, mode: GenerationMode, caller: Caller) -> None:
    known = {one.name: caller.ids[one.name] for one in operation.path_parameters}
    of_mine = operation.as_strategy(generation_mode=mode, path_parameters=known)
    # What is unfit in a path is for `test_foreign_ids`: it may be another path.
    of_nobody = operation.as_strategy() if known else st.nothing()
    strategy = of_mine | of_nobody if mode is GenerationMode.POSITIVE else of_mine

    @given(case=strategy)
    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    def kept_word(case: Any) -> None:
        kwargs = case.as_transport_kwargs(base_url=caller.base_url, headers=caller.headers)
        kwargs |= {"stream": True, "allow_redirects": False}
        with requests.request(timeout=ANSWER_SECONDS_MAX, **kwargs) as answer:
            media_type = answer.headers.get("content-type", "")
            if operation.method == "get" and media_type.startswith(STREAMED):
                # It goes on; its frames have tests of their own.
                assert STREAMED in _documented(operation, answer.status_code)
                return
            # OpenAPI 3.1 calls a stream a string, which no single event is.
            checks = CHECKS[:-1] if media_type.startswith(STREAMED) else CHECKS
            case.validate_response(answer, checks=checks)

    kept_word()


def _documented(operation: Any, status: int) -> dict[str, Any]:
    return operation.definition.raw["responses"][str(status)]["content"]
