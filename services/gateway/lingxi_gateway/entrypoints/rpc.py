"""Who asks the gateway: an operator, about users. Parsed, passed on, answered."""

import asyncio

from pydantic import ValidationError

from lingxi_chassis.rpc import RpcServer
from lingxi_contracts import operations
from lingxi_contracts.audit import AuditPage, ListAudit
from lingxi_contracts.base import Nothing
from lingxi_contracts.errors import InvalidInput
from lingxi_contracts.operations import UserNotFound, UserPage, UserView
from lingxi_gateway.application.accounts import Accounts
from lingxi_gateway.application.administer_creation import create_user
from lingxi_gateway.application.administer_user import disable_user, enable_user, set_password
from lingxi_gateway.application.delete_account import delete_user
from lingxi_gateway.entrypoints.http.account_bodies import RegisterBody
from lingxi_gateway.projections.administered_users import find_user, list_users
from lingxi_gateway.projections.audit import list_entries

SOMEBODY = "somebody"
"""A user name that is good, where only the password is to be looked at."""


class UserAdministration:
    """The requests about users, on the accounts."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def page(self, question: operations.ListUsers) -> UserPage:
        return await list_users(self._accounts.pool, question.after, question.limit)

    async def find(self, question: operations.FindUser) -> UserView:
        found = await find_user(self._accounts.pool, question.username)
        if found is None:
            raise UserNotFound
        return found

    async def audit(self, question: ListAudit) -> AuditPage:
        return await list_entries(
            self._accounts.pool, question.user_id, question.before, question.limit
        )

    async def create(self, command: operations.CreateUser) -> UserView:
        body = _fit(command.username, command.password, command.email)
        return await create_user(
            self._accounts, command.user_id, body.username, body.password, body.email
        )

    async def set_password(self, command: operations.SetPassword) -> UserView:
        body = _fit(SOMEBODY, command.password, None)
        return await set_password(self._accounts, command.user_id, body.password)

    async def disable(self, command: operations.DisableUser) -> UserView:
        return await disable_user(self._accounts, command.user_id)

    async def enable(self, command: operations.EnableUser) -> UserView:
        return await enable_user(self._accounts, command.user_id)

    async def delete(self, command: operations.DeleteUser) -> Nothing:
        await delete_user(self._accounts, command.user_id)
        return Nothing()


def _fit(username: str, password: str, email: str | None) -> RegisterBody:
    """As strict as HTTP is. Raises InvalidInput."""
    try:
        return RegisterBody(username=username, password=password, email=email)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False, include_context=False)
        raise InvalidInput(errors=errors) from None


async def serve(server: RpcServer, accounts: Accounts) -> None:
    """Answer an operator's requests about users."""
    administration = UserAdministration(accounts)
    await asyncio.gather(
        server.serve(operations.ListUsers, administration.page),
        server.serve(operations.FindUser, administration.find),
        server.serve(ListAudit, administration.audit),
        server.serve(operations.CreateUser, administration.create),
        server.serve(operations.SetPassword, administration.set_password),
        server.serve(operations.DisableUser, administration.disable),
        server.serve(operations.EnableUser, administration.enable),
        server.serve(operations.DeleteUser, administration.delete),
    )
