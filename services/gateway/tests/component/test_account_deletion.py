"""An account goes in one statement, by its user or an operator; its tokens with it."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from lingxi_chassis.bus import connect
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import fetch_all
from lingxi_chassis.rpc import RpcClient
from lingxi_contracts.operations import (
    CreateUser,
    DeleteUser,
    DisableUser,
    FindUser,
    ListUsers,
    UserNotFound,
)
from services.gateway.tests.component.running import (
    PASSWORD,
    RunningGateway,
    StartGateway,
    delete,
    problem,
)
from tests.fixtures.waiting import eventually

TABLES = ("users", "credentials", "refresh_families")
REPLICA_SECONDS_MAX = 10.0


@pytest.fixture
async def operator(nats_url: str) -> AsyncIterator[RpcClient]:
    async with connect(nats_url, "operator") as nats:
        yield RpcClient(nats)


async def tables_with(gateway: RunningGateway, user_id: str) -> set[str]:
    """The tables with a row about the user."""
    rows = await fetch_all(
        gateway.pool,
        " union all ".join(
            f"select '{table}' from {table} where user_id = %(id)s" for table in TABLES
        ),
        {"id": user_id},
    )
    return {row[0] for row in rows}


async def test_all_rows_go_at_once(gateway: RunningGateway) -> None:
    user, other = await gateway.registered(), await gateway.registered()
    assert await tables_with(gateway, user.user_id) == set(TABLES)
    await delete(gateway, user)
    assert await tables_with(gateway, user.user_id) == set()
    assert await tables_with(gateway, other.user_id) == set(TABLES)
    problem(await gateway.me(user.access), 401, "token_invalid")
    refresh = await gateway.post("/api/auth/refresh/", {"refresh": user.refresh})
    problem(refresh, 401, "token_invalid")
    assert (await gateway.me(other.access)).status_code == 200
    again = await gateway.registered(user.username)
    assert again.user_id != user.user_id


async def test_a_password_is_asked_for_and_guessing_is_throttled(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(LOGIN_RATE_LIMIT=3)
    user = await gateway.registered()
    for _ in range(3):
        body = {"password": "not this one"}
        wrong = await gateway.http.request("DELETE", "/api/me/", json=body, headers=user.bearer)
        problem(wrong, 403, "password_wrong")
    body = {"password": PASSWORD}
    throttled = await gateway.http.request("DELETE", "/api/me/", json=body, headers=user.bearer)
    problem(throttled, 429, "too_many_logins")
    assert await tables_with(gateway, user.user_id) == set(TABLES)


async def test_another_replica_refuses_the_tokens_soon(start_gateway: StartGateway) -> None:
    gateway, replica = await start_gateway(), await start_gateway()
    user = await gateway.registered()
    assert (await replica.me(user.access)).status_code == 200
    await delete(gateway, user)

    async def refused() -> bool:
        return (await replica.me(user.access)).status_code == 401

    await eventually(refused, REPLICA_SECONDS_MAX)


async def test_an_operator_deletes_a_user_once(
    gateway: RunningGateway, operator: RpcClient
) -> None:
    user, other = await gateway.registered(), await gateway.registered()
    user_id = UUID(user.user_id)
    await operator.call(DisableUser(operation_id=new_id(), user_id=user_id))
    await operator.call(DeleteUser(operation_id=new_id(), user_id=user_id))
    page = await operator.call(ListUsers(operation_id=new_id()))
    assert [one.username for one in page.results] == [other.username]
    problem(await gateway.me(user.access), 401, "token_invalid")
    for late in (
        DeleteUser(operation_id=new_id(), user_id=user_id),
        DisableUser(operation_id=new_id(), user_id=user_id),
        FindUser(operation_id=new_id(), username=user.username),
        CreateUser(
            operation_id=new_id(), user_id=user_id, username="another name", password=PASSWORD
        ),
    ):
        with pytest.raises(UserNotFound):
            await operator.call(late)
    assert await tables_with(gateway, user.user_id) == set()


async def test_what_the_log_says_of_them_is_erased(gateway: RunningGateway) -> None:
    user = await gateway.registered()
    await delete(gateway, user)

    async def blank() -> bool:
        rows = await fetch_all(
            gateway.pool,
            "select type from events where user_id = %(id)s and data is not null"
            " union all select 'open' from erasures",
            {"id": user.user_id},
        )
        return rows == [("user_deleted.v1",)]

    await eventually(blank)
