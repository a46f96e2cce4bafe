"""What accounts send and are sent: bounds, examples, and what makes a body unfit."""

from datetime import datetime
from functools import cache
from typing import Annotated
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StrictBool,
    StringConstraints,
)
from pydantic.json_schema import SkipJsonSchema

from lingxi_contracts.base import Text
from lingxi_gateway.application.ports import TOKEN_CHARS_MAX, TokenPair
from lingxi_gateway.projections.users import User

USERNAME_CHARS_MAX = 150
PASSWORD_CHARS_MIN = 8
PASSWORD_CHARS_MAX = 1024
EMAIL_CHARS_MAX = 254
TIMEZONE_CHARS_MAX = 64


def _visible(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    if not text.isprintable():
        raise ValueError("must not contain control characters")
    if text != text.strip():
        raise ValueError("must not begin or end with a space")
    return text


def _address(text: str) -> str:
    name, at, domain = text.rpartition("@")
    if not (name and at and domain) or not text.isprintable() or any(map(str.isspace, text)):
        raise ValueError("must be an e-mail address")
    return text


def _zone(text: str) -> str:
    if text not in _zones():
        raise ValueError("must be an IANA time zone, such as Europe/Berlin")
    return text


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _unchangeable(_: object) -> None:
    raise ValueError("cannot be changed")


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


Username = Annotated[
    Text,
    StringConstraints(min_length=1, max_length=USERNAME_CHARS_MAX),
    AfterValidator(_visible),
]
AnyPassword = Annotated[Text, StringConstraints(max_length=PASSWORD_CHARS_MAX)]
NewPassword = Annotated[
    Text, StringConstraints(min_length=PASSWORD_CHARS_MIN, max_length=PASSWORD_CHARS_MAX)
]
Email = Annotated[
    Annotated[Text, StringConstraints(max_length=EMAIL_CHARS_MAX), AfterValidator(_address)] | None,
    BeforeValidator(_none_if_empty),
]
Timezone = Annotated[Text, StringConstraints(max_length=TIMEZONE_CHARS_MAX), AfterValidator(_zone)]
Token = Annotated[Text, StringConstraints(max_length=TOKEN_CHARS_MAX)]

_TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI…"  # noqa: S105 -- an example


class RegisterBody(BaseModel):
    """A new account."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"username": "lin", "password": "correct horse", "email": "lin@example.org"}
            ]
        }
    )
    username: Username
    password: NewPassword
    email: Email = None


class RegisteredOut(BaseModel):
    """An account was made."""

    id: UUID
    username: str
    email: str | None


class LoginBody(BaseModel):
    """Who, and the proof."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"username": "lin", "password": "correct horse"}]}
    )
    username: Annotated[Text, StringConstraints(max_length=USERNAME_CHARS_MAX)]
    password: AnyPassword


class RefreshBody(BaseModel):
    """A refresh token."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"refresh": _TOKEN}]})

    refresh: Token


class LogoutBody(BaseModel):
    """A refresh token; `everywhere` ends all logins of its user."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"refresh": _TOKEN}]})

    refresh: Token
    everywhere: StrictBool = False


class TokensOut(BaseModel):
    """Tokens: `access` for requests, `refresh` for new tokens."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"access": "eyJhbGciOi…", "refresh": "eyJhbGciOi…"}],
        }
    )
    access: str
    refresh: str

    @classmethod
    def of(cls, pair: TokenPair) -> "TokensOut":
        """The two tokens of a pair."""
        return cls(access=pair.access, refresh=pair.refresh)


class MeBody(BaseModel):
    """What is to change; what is left out or null stays, but `email` null: no address any more."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"timezone": "Asia/Shanghai"},
                {"current_password": "correct horse", "new_password": "battery staple"},
            ]
        }
    )
    email: Email = None
    timezone: Timezone | None = None
    current_password: AnyPassword | None = None
    new_password: NewPassword | None = None
    username: SkipJsonSchema[Annotated[None, BeforeValidator(_unchangeable)]] = None


class DeleteMeBody(BaseModel):
    """The proof that it is the user who asks."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"password": "correct horse"}]})

    password: AnyPassword


class MeOut(BaseModel):
    """The account. `timezone` is an IANA name."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "01a203d7-6b6a-7115-a2ff-159d86e50e67",
                    "username": "lin",
                    "email": "lin@example.org",
                    "timezone": "Asia/Shanghai",
                    "created_at": "2026-11-22T15:19:39.123456Z",
                }
            ]
        }
    )
    id: UUID
    username: str
    email: str | None
    timezone: str
    created_at: datetime

    @classmethod
    def of(cls, user: User) -> "MeOut":
        """The account of a user."""
        return cls(
            id=user.user_id,
            username=user.username,
            email=user.email,
            timezone=user.timezone,
            created_at=user.created_at,
        )
