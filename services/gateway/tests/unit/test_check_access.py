"""The check of each request: how often it asks, and when it asks again."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import pytest

from lingxi_chassis.clock import utc_now
from lingxi_chassis.ids import new_id
from lingxi_contracts.errors import Unavailable
from lingxi_gateway.adapters.keys import SharedSecret
from lingxi_gateway.adapters.tokens import JwtTokens
from lingxi_gateway.application import check_access
from lingxi_gateway.application.check_access import AccessCheck
from lingxi_gateway.application.ports import RefreshClaims
from lingxi_gateway.domain.refusals import TokenInvalid
from lingxi_gateway.projections.refresh_families import Logins
from tests.fixtures.waiting import eventually

TOKENS = JwtTokens(SharedSecret("s" * 32), timedelta(hours=1), timedelta(days=1))
LONG_AGO = timedelta(minutes=1)
USER, FAMILY = new_id(), new_id()


def access(epoch: int = 0, user: UUID = USER, age: timedelta = LONG_AGO) -> str:
    claims = RefreshClaims(user, FAMILY, 0, "key")
    return TOKENS.pair(claims, epoch, utc_now() - age).access


@dataclass
class Asked:
    """The store of logins, which counts who asks."""

    logins: Logins | None = field(default_factory=lambda: Logins(0, {FAMILY}, set()))
    times: int = 0
    away: bool = False
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, user_id: UUID) -> Logins | None:
        del user_id
        self.times += 1
        answer = self.logins
        await self.gate.wait()
        if self.away:
            raise Unavailable
        return answer


@pytest.fixture
def asked() -> Asked:
    store = Asked()
    store.gate.set()
    return store


async def test_many_requests_ask_once(asked: Asked) -> None:
    asked.gate.clear()
    check = AccessCheck(TOKENS, asked)
    token = access()
    requests = [asyncio.create_task(check(token)) for _ in range(20)]
    await eventually(lambda: asked.times == 1)
    requests[0].cancel()
    asked.gate.set()
    callers = await asyncio.gather(*requests[1:])
    assert {(caller.user_id, caller.family_id) for caller in callers} == {(USER, FAMILY)}
    assert asked.times == 1


async def test_after_a_while_it_asks_again(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    check = AccessCheck(TOKENS, asked)
    await check(access())
    asked.logins = Logins(0, frozenset(), frozenset())
    await check(access())
    monkeypatch.setattr(check_access, "FRESH_SECONDS", 0.0)
    with pytest.raises(TokenInvalid):
        await check(access())
    assert asked.times == 2


async def test_an_ended_login_costs_no_more_than_a_good_one(asked: Asked) -> None:
    asked.logins = None
    check = AccessCheck(TOKENS, asked)
    for _ in range(5):
        with pytest.raises(TokenInvalid):
            await check(access())
    assert asked.times == 1


async def test_a_login_younger_than_the_answer_is_asked_for(asked: Asked) -> None:
    check = AccessCheck(TOKENS, asked)
    known, asked.logins = asked.logins, Logins(0, frozenset(), frozenset())
    with pytest.raises(TokenInvalid):
        await check(access())
    asked.logins = known
    assert (await check(access(age=timedelta(0)))).user_id == USER


@pytest.mark.parametrize(
    ("logins", "epoch", "good"),
    [
        (Logins(0, {FAMILY}, set()), 0, True),
        (Logins(1, {FAMILY}, set()), 0, False),
        (Logins(0, {FAMILY}, set()), 1, False),
        (Logins(1, {FAMILY}, {FAMILY}), 0, True),
        (Logins(1, {FAMILY}, {new_id()}), 0, False),
        (Logins(0, {new_id()}, set()), 0, False),
        (None, 0, False),
    ],
)
async def test_which_tokens_count(
    asked: Asked, logins: Logins | None, epoch: int, good: bool
) -> None:
    asked.logins = logins
    check = AccessCheck(TOKENS, asked)
    if good:
        assert (await check(access(epoch))).family_id == FAMILY
    else:
        with pytest.raises(TokenInvalid):
            await check(access(epoch))


async def test_a_failure_is_not_remembered(asked: Asked) -> None:
    asked.away = True
    check = AccessCheck(TOKENS, asked)
    with pytest.raises(Unavailable):
        await check(access())
    asked.away = False
    assert (await check(access())).user_id == USER


async def test_it_remembers_so_many_users(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_access, "USERS_MAX", 3)
    check = AccessCheck(TOKENS, asked)
    users = [new_id() for _ in range(5)]
    for user in users:
        await check(access(user=user))
    assert asked.times == 5
    await check(access(user=users[-1]))
    assert asked.times == 5
    await check(access(user=users[0]))
    assert asked.times == 6
