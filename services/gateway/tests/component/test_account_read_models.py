"""What accounts store: rebuilt from the log it is the same, row by row; and what it costs."""

from collections.abc import Awaitable
from dataclasses import replace

from lingxi_chassis.bus import connect
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import execute, fetch_all, open_pool
from lingxi_chassis.rebuild import rebuild_read_models, rebuild_snapshots
from lingxi_chassis.rpc import RpcClient
from lingxi_contracts.gateway import EVENTS
from lingxi_contracts.operations import DisableUser, EnableUser
from lingxi_gateway import bootstrap
from lingxi_gateway.adapters.passwords import open_passwords
from lingxi_gateway.application.change_account import PasswordChange, change_account
from lingxi_gateway.application.log_in import log_in
from lingxi_gateway.application.log_out import log_out
from lingxi_gateway.application.refresh import refresh
from lingxi_gateway.application.register import register
from lingxi_gateway.application.show_account import show_account
from lingxi_gateway.settings import Settings
from services.gateway.tests.component.running import PASSWORD, SECRET, RunningGateway, delete
from tests.fixtures.read_models import all_rows, never_logged, never_set


async def test_rebuilt_read_models_are_equal(gateway: RunningGateway, nats_url: str) -> None:
    """Guards gateway's folds: whatever the batch, accounts and snapshots are equal row by row; of a
    deleted one, blanked or not, nothing comes back."""
    gone = await gateway.registered("gone")
    for name in ("Lin 林", "B", "c"):
        user = await gateway.registered(name)
        if name != "c":
            for body in ({"email": "a@b.example"}, {"timezone": "Asia/Tokyo"}, {"email": None}):
                await gateway.http.patch("/api/me/", json=body, headers=user.bearer)
    emails = {"email": "c@d.example"}, {"email": "d@e.example"}
    for body in (*emails, {"current_password": PASSWORD, "new_password": "battery staple"}):
        changed = await gateway.http.patch("/api/me/", json=body, headers=user.bearer)
        assert changed.status_code == 200, changed.text
    async with connect(nats_url, "operator") as nats:
        ids = {"operation_id": new_id(), "user_id": user.user_id}
        for request in (DisableUser, EnableUser):
            await RpcClient(nats).call(request.model_validate(ids))
    await delete(gateway, gone)
    assert await never_logged(gateway.pool, {*EVENTS}) == set()
    assert await never_set(gateway.pool, bootstrap.READ_MODELS) == set()
    before = await all_rows(gateway.pool, bootstrap.READ_MODELS)
    rows = await fetch_all(gateway.pool, "select timezone, username_key from users", {})
    assert sorted(rows) == [("Asia/Tokyo", "b"), ("Asia/Tokyo", "lin 林"), ("UTC", "c")]
    blank = (
        "update events set data = null where stream_id = %(gone)s and version <= %(versions)s"
        " and type <> 'user_deleted.v1'"
    )
    for versions in (0, 1, 10):
        await execute(gateway.pool, blank, {"gone": gone.user_id, "versions": versions})
        for batch_rows in (1, 3, 10_000):
            await rebuild_read_models(
                gateway.settings.database_url, bootstrap.READ_MODELS, batch_rows
            )
            after = await all_rows(gateway.pool, bootstrap.READ_MODELS)
            assert after == before, f"{batch_rows} rows a batch"
    log = bootstrap.open_log(gateway.pool)
    assert (await rebuild_snapshots(log, EVENTS, bootstrap.TOMBSTONES)).replaced == 0


async def test_what_accounts_cost(database_url: str, nats_url: str) -> None:
    """In statements. The chassis runs one for each connection it takes from the pool."""
    settings = Settings.model_validate(
        {
            "DATABASE_URL": database_url,
            "NATS_URL": nats_url,
            "LINGXI_INTERNAL_PORT": 0,
            "LINGXI_LOCAL": True,
            "JWT_SECRET": SECRET,
        }
    )
    bootstrap.migrate(settings)
    async with open_pool(database_url) as pool, open_passwords() as passwords:
        throttled = bootstrap.open_accounts(
            settings, pool, passwords, bootstrap.open_tokens(settings)
        )
        accounts = replace(throttled, failed_logins_max=0)

        async def statements(work: Awaitable[object]) -> int:
            pool.pop_stats()
            await work
            return pool.pop_stats().get("requests_num", 0)

        costs = {"register": await statements(register(accounts, "lin", PASSWORD, None, "here"))}
        pair = await log_in(accounts, "lin", PASSWORD, "here")
        caller = await accounts.access(pair.access)
        changed: dict[str, str | None] = {"timezone": "Asia/Tokyo"}
        new_password = PasswordChange(PASSWORD, "battery staple")
        costs |= {
            "log in": await statements(log_in(accounts, "lin", PASSWORD, "here")),
            "log in, throttled": await statements(log_in(throttled, "lin", PASSWORD, "here")),
            "known caller": await statements(accounts.access(pair.access)),
            "show": await statements(show_account(accounts, caller.user_id)),
            "refresh": await statements(refresh(accounts, pair.refresh, "here")),
            "change": await statements(change_account(accounts, caller, changed, None, "here")),
            "new password": await statements(
                change_account(accounts, caller, {}, new_password, "here")
            ),
            "caller asked for": await statements(accounts.access(pair.access)),
            "log out": await statements(log_out(accounts, pair.refresh, "here", everywhere=False)),
        }
    assert costs == {
        "register": 1,
        "log in": 2,
        "log in, throttled": 4,
        "known caller": 0,
        "show": 1,
        "refresh": 2,
        "change": 2,
        "new password": 3,
        "caller asked for": 1,
        "log out": 3,
    }
