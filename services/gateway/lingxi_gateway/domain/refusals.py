"""What the gateway itself refuses. Each class has one code and one HTTP status (`problems`)."""

from lingxi_contracts import operations
from lingxi_contracts.errors import Refusal

UsernameTaken = operations.UsernameTaken
"""Registering and an operator's creating refuse alike."""


class NotAuthenticated(Refusal):
    """An access token is needed."""

    code = "not_authenticated"


class TokenInvalid(Refusal):
    """This token is not valid, or not any more."""

    code = "token_invalid"


class CredentialsInvalid(Refusal):
    """No account has this user name and password."""

    code = "credentials_invalid"


class AccountDisabled(Refusal):
    """This account is disabled; ask whoever runs this server."""

    code = "account_disabled"


class PasswordWrong(Refusal):
    """The current password is another one."""

    code = "password_wrong"


class RegistrationClosed(Refusal):
    """Nobody can register here at the moment."""

    code = "registration_closed"


class TooManyRequests(Refusal):
    """Too many requests; try again later."""

    code = "too_many_requests"


class TooManyLogins(Refusal):
    """Too many failed logins for this name from this address; try again later."""

    code = "too_many_logins"


class RouteNotFound(Refusal):
    """There is nothing at this address."""

    code = "not_found"


class MethodNotAllowed(Refusal):
    """This address does not take this method."""

    code = "method_not_allowed"
