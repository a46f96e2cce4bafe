"""What accounts store: rebuilt from the log it is the same, row by row; and what it costs."""

from collections.abc import Awaitable
from dataclasses import replace

from lingxi_chassis.postgres import open_pool
from lingxi_gateway import bootstrap
from lingxi_gateway.adapters.passwords import open_passwords
from lingxi_gateway.application.change_account import PasswordChange, change_account
from lingxi_gateway.application.log_in import log_in
from lingxi_gateway.application.log_out import log_out
from lingxi_gateway.application.refresh import refresh
from lingxi_gateway.application.register import register
from lingxi_gateway.application.show_account import show_account
from lingxi_gateway.projections import users
from lingxi_gateway.settings import Settings
from services.gateway.tests.component.running import PASSWORD, SECRET, RunningGateway

LOGGED = "logged as (select * from events where data is not null)"
ROWS = b"select user_id, username, username_key, email, timezone, created_at from users order by 1"


async def test_rebuilt_read_models_are_equal(gateway: RunningGateway) -> None:
    for name in ("Lin 林", "B", "c"):
        user = await gateway.registered(name)
        if name != "c":
            for body in ({"email": "a@b.example"}, {"timezone": "Asia/Tokyo"}, {"email": None}):
                await gateway.http.patch("/api/me/", json=body, headers=user.bearer)
    async with gateway.pool.connection() as connection:
        before = await (await connection.execute(ROWS)).fetchall()
        await connection.execute(b"delete from users")
        for fold in users.FOLDS:
            await connection.execute(f"with {LOGGED} {fold.sql}".encode())
        assert await (await connection.execute(ROWS)).fetchall() == before
    assert [row[4] for row in before] == ["Asia/Tokyo", "Asia/Tokyo", "UTC"]
    assert [row[2] for row in before] == ["lin 林", "b", "c"]


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
