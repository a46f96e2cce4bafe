"""Register: make an account."""

from uuid import UUID

from lingxi_chassis.clock import utc_now
from lingxi_chassis.ids import new_id
from lingxi_gateway.application.accounts import Accounts
from lingxi_gateway.domain import account
from lingxi_gateway.domain.refusals import RegistrationClosed
from lingxi_gateway.projections import audit, credentials


async def register(
    accounts: Accounts, username: str, password: str, email: str | None, address: str
) -> UUID:
    """Make an account; its id.

    Raises:
        RegistrationClosed, UsernameTaken, Unavailable.
    """
    if not accounts.registration_open:
        raise RegistrationClosed
    password_hash = await accounts.passwords.hash(password)
    user_id = new_id()
    await accounts.log.append(
        accounts.log.new(user_id, user_id),
        account.register(username, email),
        utc_now(),
        effects=(
            credentials.first_password(password_hash),
            audit.done("registered", address),
        ),
    )
    return user_id
