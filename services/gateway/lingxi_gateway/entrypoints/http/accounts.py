"""Accounts: register, log in, refresh, log out, me."""

from http import HTTPStatus

from starlette.responses import Response

from lingxi_contracts.errors import InvalidInput
from lingxi_gateway.application.change_account import PasswordChange, change_account
from lingxi_gateway.application.delete_account import delete_account
from lingxi_gateway.application.log_in import log_in
from lingxi_gateway.application.log_out import log_out
from lingxi_gateway.application.refresh import refresh
from lingxi_gateway.application.register import register
from lingxi_gateway.application.show_account import show_account
from lingxi_gateway.entrypoints.http.account_bodies import (
    DeleteMeBody,
    LoginBody,
    LogoutBody,
    MeBody,
    MeOut,
    RefreshBody,
    RegisterBody,
    RegisteredOut,
    TokensOut,
)
from lingxi_gateway.entrypoints.http.answers import done
from lingxi_gateway.entrypoints.http.auth import CurrentCaller
from lingxi_gateway.entrypoints.http.edge import ClientAddress
from lingxi_gateway.entrypoints.http.parts import PartsOf
from lingxi_gateway.entrypoints.http.problems import documented
from lingxi_gateway.entrypoints.http.routers import router

UNAUTHORIZED = documented(HTTPStatus.UNAUTHORIZED)
THROTTLED = documented(HTTPStatus.TOO_MANY_REQUESTS)
FORBIDDEN = documented(HTTPStatus.FORBIDDEN)

routes = router("/api", "accounts")


@routes.post(
    "/auth/register/",
    status_code=HTTPStatus.CREATED,
    responses={**FORBIDDEN, **documented(HTTPStatus.CONFLICT)},
)
async def register_user(
    body: RegisterBody, address: ClientAddress, parts: PartsOf
) -> RegisteredOut:
    """Make an account. Names are unique, whatever their case."""
    user_id = await register(parts.accounts, body.username, body.password, body.email, address)
    return RegisteredOut(id=user_id, username=body.username, email=body.email)


@routes.post("/auth/login/", responses={**UNAUTHORIZED, **FORBIDDEN, **THROTTLED})
async def log_in_user(body: LoginBody, address: ClientAddress, parts: PartsOf) -> TokensOut:
    """Tokens for a user name and a password. 403 where an operator has disabled the account."""
    return TokensOut.of(await log_in(parts.accounts, body.username, body.password, address))


@routes.post("/auth/refresh/", responses=UNAUTHORIZED)
async def refresh_tokens(body: RefreshBody, address: ClientAddress, parts: PartsOf) -> TokensOut:
    """New tokens for a refresh token.

    The token can be used again until the one it gave is used; after that it is spent, and using it
    ends the login.
    """
    return TokensOut.of(await refresh(parts.accounts, body.refresh, address))


@routes.post("/auth/logout/", status_code=HTTPStatus.NO_CONTENT, responses=UNAUTHORIZED)
async def log_out_user(body: LogoutBody, address: ClientAddress, parts: PartsOf) -> Response:
    """End this login, or with `everywhere` all of them."""
    await log_out(parts.accounts, body.refresh, address, everywhere=body.everywhere)
    return done()


@routes.get("/me/", responses=UNAUTHORIZED)
async def show_me(caller: CurrentCaller, parts: PartsOf) -> MeOut:
    """The account of the access token."""
    return MeOut.of(await show_account(parts.accounts, caller.user_id))


@routes.patch("/me/", responses={**UNAUTHORIZED, **FORBIDDEN, **THROTTLED})
async def change_me(
    caller: CurrentCaller, body: MeBody, address: ClientAddress, parts: PartsOf
) -> MeOut:
    """Change address, time zone or password.

    A new password needs the current one, and ends all other logins; this login's tokens stay good.
    """
    changed: dict[str, str | None] = {}
    if "email" in body.model_fields_set:
        changed["email"] = body.email
    if body.timezone is not None:
        changed["timezone"] = body.timezone
    await change_account(parts.accounts, caller, changed, _password_change(body), address)
    return MeOut.of(await show_account(parts.accounts, caller.user_id))


@routes.delete(
    "/me/",
    status_code=HTTPStatus.NO_CONTENT,
    responses={**UNAUTHORIZED, **FORBIDDEN, **THROTTLED},
)
async def delete_me(
    caller: CurrentCaller, body: DeleteMeBody, address: ClientAddress, parts: PartsOf
) -> Response:
    """Delete the account for good, with all agents, sessions and messages.

    All tokens end at once, and the user name is free again. What copies there are of the user's
    texts is erased within moments; subscribers hear `user_deleted`.
    """
    await delete_account(parts.accounts, caller, body.password, address)
    return done()


def _password_change(body: MeBody) -> PasswordChange | None:
    if body.new_password is None:
        return None
    if body.current_password is None:
        needed = {"loc": ["body", "current_password"], "msg": "Field required", "type": "missing"}
        raise InvalidInput(errors=[needed])
    return PasswordChange(body.current_password, body.new_password)
