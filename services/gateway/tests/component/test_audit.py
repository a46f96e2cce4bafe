"""What was done to accounts: each thing once, with no secret, and gone when it has to be."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from lingxi_chassis.bus import connect
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import execute, fetch_all
from lingxi_chassis.rpc import RpcClient
from lingxi_contracts.audit import NOBODY, AuditEntry, ListAudit
from lingxi_contracts.operations import (
    CreateUser,
    DeleteUser,
    DisableUser,
    EnableUser,
    SetPassword,
)
from lingxi_gateway.application.forget_audit import forget_old
from lingxi_gateway.projections.audit import Audit
from services.gateway.tests.component.running import (
    PASSWORD,
    RunningGateway,
    StartGateway,
    problem,
)

LOGIN = "/api/auth/login/"
LOCAL = "127.0.0.1"


@pytest.fixture
async def operator(nats_url: str) -> AsyncIterator[RpcClient]:
    async with connect(nats_url, "operator") as nats:
        yield RpcClient(nats)


async def entries(operator: RpcClient, user_id: str | UUID | None = None) -> list[AuditEntry]:
    """All entries, oldest first, read page by page."""
    found: list[AuditEntry] = []
    before: int | None = None
    while True:
        page = await operator.call(
            ListAudit(
                operation_id=new_id(),
                user_id=UUID(str(user_id)) if user_id else None,
                before=before,
                limit=3,
            )
        )
        found += page.results
        before = page.next_before
        if before is None:
            return found[::-1]


def done(found: list[AuditEntry]) -> list[tuple[str, int]]:
    return [(entry.action, entry.times) for entry in found]


async def test_what_a_user_does(start_gateway: StartGateway, operator: RpcClient) -> None:
    """Guards each place that writes an entry, and what it may hold."""
    gateway = await start_gateway(LOGIN_RATE_LIMIT=2)
    lin = await gateway.registered("lin")
    wrong = {"current_password": "wrong password", "new_password": "battery staple"}
    problem(
        await gateway.http.patch("/api/me/", json=wrong, headers=lin.bearer), 403, "password_wrong"
    )
    right = wrong | {"current_password": PASSWORD}
    assert (await gateway.http.patch("/api/me/", json=right, headers=lin.bearer)).is_success
    second = await gateway.refreshed(lin.refresh)
    await gateway.refreshed(second["refresh"])
    reused = await gateway.post("/api/auth/refresh/", {"refresh": lin.refresh})
    problem(reused, 401, "token_invalid")
    tokens = await gateway.logged_in("lin", "battery staple")
    await gateway.post("/api/auth/logout/", {"refresh": tokens["refresh"]})
    tokens = await gateway.logged_in("lin", "battery staple")
    everywhere = {"refresh": tokens["refresh"], "everywhere": True}
    assert (await gateway.post("/api/auth/logout/", everywhere)).is_success
    found = await entries(operator, lin.user_id)
    assert [entry.action for entry in found if entry.action != "logged_in"] == [
        "registered",
        "password_failed",
        "password_changed",
        "token_reused",
        "logged_out",
        "logged_out_everywhere",
    ]
    assert sum(entry.times for entry in found if entry.action == "logged_in") == 3
    assert {entry.address for entry in found} == {LOCAL}
    assert all(entry.correlation_id for entry in found)
    shown = "".join(entry.model_dump_json() for entry in found)
    for secret in ("lin", PASSWORD, "battery staple", "wrong password", tokens["refresh"]):
        assert f'"{secret}"' not in shown


async def test_tries_at_a_password_are_counted(
    start_gateway: StartGateway, operator: RpcClient
) -> None:
    """Guards the table's size: whoever tries many names and passwords is a row a minute."""
    gateway = await start_gateway(LOGIN_RATE_LIMIT=2)
    user_id = (await gateway.registered("lin")).user_id
    for name in ("lin", "lin", "lin", "lin", "nobody", "somebody"):
        await gateway.post(LOGIN, {"username": name, "password": "wrong password"})
    failed = [entry for entry in await entries(operator) if entry.action.startswith("login_")]
    by_whom: dict[tuple[UUID, str], int] = {}
    for entry in failed:  # a minute may have ended meanwhile
        key = (entry.user_id, entry.action)
        by_whom[key] = by_whom.get(key, 0) + entry.times
    assert by_whom[UUID(user_id), "login_failed"] + by_whom.get((NOBODY, "login_throttled"), 0) == 4
    assert by_whom[NOBODY, "login_failed"] == 2
    assert len(failed) < 6


async def test_what_an_operator_does(gateway: RunningGateway, operator: RpcClient) -> None:
    """Guards the same for the command: a repeat that does nothing is no entry."""
    user_id = new_id()
    creation = CreateUser(operation_id=new_id(), user_id=user_id, username="lin", password=PASSWORD)
    for _ in range(2):
        await operator.call(creation)
        await operator.call(DisableUser(operation_id=new_id(), user_id=user_id))
    refused = await gateway.post(LOGIN, {"username": "lin", "password": PASSWORD})
    problem(refused, 403, "account_disabled")
    document = (await gateway.http.get("/openapi.json")).json()
    assert "403" in document["paths"][LOGIN]["post"]["responses"]
    await operator.call(EnableUser(operation_id=new_id(), user_id=user_id))
    await operator.call(
        SetPassword(operation_id=new_id(), user_id=user_id, password="battery staple")
    )
    await operator.call(DeleteUser(operation_id=new_id(), user_id=user_id))
    assert done(await entries(operator, user_id)) == [
        ("created_by_operator", 1),
        ("disabled_by_operator", 1),
        ("login_refused", 1),
        ("enabled_by_operator", 1),
        ("password_set_by_operator", 1),
        ("deleted_by_operator", 1),
    ]


async def test_after_a_deletion_nobody_knows_from_where(
    gateway: RunningGateway, operator: RpcClient
) -> None:
    """Guards the promise: ids and times are left, and others' entries are as they were."""
    lin, other = await gateway.registered("lin"), await gateway.registered("other")
    body = {"password": PASSWORD}
    assert (
        await gateway.http.request("DELETE", "/api/me/", json=body, headers=lin.bearer)
    ).is_success
    found = await entries(operator, lin.user_id)
    assert done(found) == [("registered", 1), ("logged_in", 1), ("deleted", 1)]
    assert {(entry.address, entry.correlation_id) for entry in found[:2]} == {(None, None)}
    assert found[2].address is None
    assert {entry.address for entry in await entries(operator, other.user_id)} == {LOCAL}


async def test_old_entries_are_forgotten(gateway: RunningGateway, operator: RpcClient) -> None:
    lin, other = await gateway.registered("lin"), await gateway.registered("other")
    await execute(
        gateway.pool,
        "update audit set at = now() - interval '91 days' where user_id = %(id)s",
        {"id": lin.user_id},
    )
    await forget_old(Audit(gateway.pool, gateway.settings.audit_days))
    assert await entries(operator, lin.user_id) == []
    assert len(await entries(operator, other.user_id)) == 2
    assert await fetch_all(gateway.pool, "select 1 from users", {}) == [(1,), (1,)]
