"""The read model of accounts: rebuilt from the log it is the same, row by row."""

from lingxi_gateway.projections import users
from services.gateway.tests.component.running import RunningGateway

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
