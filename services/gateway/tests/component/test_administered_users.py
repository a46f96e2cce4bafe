"""An operator's requests about users: idempotent, whatever the settings, and safe in a race."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from lingxi_chassis.bus import connect
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import execute, fetch_all
from lingxi_chassis.rpc import RpcClient
from lingxi_contracts.errors import InvalidInput
from lingxi_contracts.operations import (
    CreateUser,
    DisableUser,
    EnableUser,
    ListUsers,
    UsernameTaken,
    UserView,
)
from services.gateway.tests.component.running import (
    PASSWORD,
    RunningGateway,
    StartGateway,
    problem,
)


@pytest.fixture
async def operator(nats_url: str) -> AsyncIterator[RpcClient]:
    async with connect(nats_url, "operator") as nats:
        yield RpcClient(nats)


def creation(username: str, user_id: UUID | None = None, password: str = PASSWORD) -> CreateUser:
    return CreateUser(
        operation_id=new_id(), user_id=user_id or new_id(), username=username, password=password
    )


async def test_a_repeated_creation_is_one_user(
    start_gateway: StartGateway, operator: RpcClient
) -> None:
    """Guards the caller-made id, also where registration is closed; another id is another user."""
    gateway = await start_gateway(REGISTRATION_OPEN=False)
    body = {"username": "lin", "password": PASSWORD}
    problem(await gateway.post("/api/auth/register/", body), 403, "registration_closed")
    command = creation("lin")
    made = await operator.call(command)
    assert await operator.call(command) == made
    with pytest.raises(UsernameTaken):
        await operator.call(creation("LIN"))
    await gateway.logged_in("lin")
    assert [user.username for user in await _all(operator)] == ["lin"]


async def test_what_is_unfit_is_told_without_the_password(
    gateway: RunningGateway, operator: RpcClient
) -> None:
    """Guards what leaves the gateway: where and why, and no secret."""
    command = creation("lin", password="short")
    assert "short" not in repr(command)
    with pytest.raises(InvalidInput) as refused:
        await operator.call(command)
    assert [error["loc"] for error in refused.value.facts["errors"]] == [["password"]]
    assert "'short'" not in str(refused.value.facts)
    assert await _all(operator) == []


async def test_pages_hold_every_user_once(gateway: RunningGateway, operator: RpcClient) -> None:
    """Guards the keyset: no user is skipped or repeated where pages meet."""
    made = [(await operator.call(creation(f"user-{n}"))).user_id for n in range(5)]
    assert [user.user_id for user in await _all(operator, limit=2)] == made
    assert [user.user_id for user in await _all(operator, limit=5)] == made


async def test_a_login_that_raced_its_disabling_is_worth_nothing(
    gateway: RunningGateway, operator: RpcClient
) -> None:
    """Guards `not disabled` in the queries that let in: a family that outlived the disabling."""
    user = await gateway.registered("lin")
    await operator.call(DisableUser(operation_id=new_id(), user_id=UUID(user.user_id)))
    await execute(
        gateway.pool,
        "insert into refresh_families (family_id, user_id, key_hash, created_at, expires_at)"
        " values (%(id)s, %(user)s, sha256('x'), now(), now() + interval '1 day')",
        {"id": new_id(), "user": UUID(user.user_id)},
    )
    problem(await gateway.me(user.access), 401, "token_invalid")
    problem(
        await gateway.post("/api/auth/refresh/", {"refresh": user.refresh}), 401, "token_invalid"
    )


async def test_what_an_operator_does_is_in_the_log_once(
    gateway: RunningGateway, operator: RpcClient
) -> None:
    """Guards the facts that subscribers hear: a repeat is none."""
    user_id = UUID((await gateway.registered("lin")).user_id)
    for _ in range(2):
        assert (await operator.call(DisableUser(operation_id=new_id(), user_id=user_id))).disabled
    for _ in range(2):
        enabled = await operator.call(EnableUser(operation_id=new_id(), user_id=user_id))
        assert not enabled.disabled
    rows = await fetch_all(gateway.pool, "select type from events order by position", {})
    assert [row[0] for row in rows] == ["user_registered.v1", "user_disabled.v1", "user_enabled.v1"]


async def _all(operator: RpcClient, limit: int = 200) -> list[UserView]:
    users: list[UserView] = []
    after: UUID | None = None
    while True:
        page = await operator.call(ListUsers(operation_id=new_id(), after=after, limit=limit))
        assert len(page.results) <= limit
        users += page.results
        after = page.next_after
        if after is None:
            return users
