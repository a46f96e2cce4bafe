"""A login that ends at one gateway ends at the others: its feeds, and its access."""

import asyncio

import pytest

from lingxi_chassis.clock import monotonic
from services.gateway.tests.integration.running import PASSWORD, Lingxi
from tests.e2e.feed import feed
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENDS_SECONDS_MAX = 10.0


async def test_a_logout_ends_feeds_and_access_at_another_replica(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    me = (await lingxi.http.get("/api/me/", headers=user.headers)).json()
    credentials = {"username": me["username"], "password": PASSWORD}
    login = (await lingxi.http.post("/api/auth/login/", json=credentials)).json()
    headers = {"authorization": f"Bearer {login['access']}"}
    async with lingxi.replica() as other:
        assert (await other.get("/api/me/", headers=headers)).status_code == 200
        async with feed(other, headers=headers) as told, feed(other, headers=user.headers) as mine:
            assert (await anext(told)).event == "ready"
            assert (await anext(mine)).event == "ready"
            left = await lingxi.http.post("/api/auth/logout/", json={"refresh": login["refresh"]})
            assert left.status_code == 204
            left_at = monotonic()
            async with asyncio.timeout(ENDS_SECONDS_MAX):
                assert [frame async for frame in told] == []

            async def refused() -> bool:
                return (await other.get("/api/me/", headers=headers)).status_code == 401

            await eventually(refused, ENDS_SECONDS_MAX - (monotonic() - left_at))
            # Another login of the same user goes on.
            await user.send("POST", "/api/agents/", {"name": "still here"}, 201)
            async with asyncio.timeout(ENDS_SECONDS_MAX):
                assert (await anext(mine)).event == "agent_created"
