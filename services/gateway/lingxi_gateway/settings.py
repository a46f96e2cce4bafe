"""Environment -> frozen settings of the gateway."""

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode

from lingxi_chassis.settings import OwnerSettings

PEM_BEGINS = "-----BEGIN "
JWT_SECRET_BYTES_MIN = 32
"""RFC 7518, 3.2: an HS256 key is no shorter than the hash."""


def _listed(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _network(text: str) -> str:
    ip_network(text, strict=False)
    return text


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value().encode()) < JWT_SECRET_BYTES_MIN:
        raise ValueError(f"must have at least {JWT_SECRET_BYTES_MIN} bytes")
    return secret


def _pem(value: object) -> object:
    """PEM as it is, with `\\n` for newlines too; anything else is the path of a file with it."""
    if not isinstance(value, str) or not value or PEM_BEGINS in value:
        return value.replace("\\n", "\n") if isinstance(value, str) else value
    try:
        return Path(value).read_text()
    except (OSError, ValueError):
        raise ValueError("is neither PEM nor a file that can be read") from None


Pem = Annotated[SecretStr, BeforeValidator(_pem)]
"""Keys in PEM, one after another."""
Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
"""Texts separated by commas."""
Networks = Annotated[
    tuple[Annotated[str, AfterValidator(_network)], ...], NoDecode, BeforeValidator(_listed)
]
"""Addresses and networks (CIDR), separated by commas."""


class Settings(OwnerSettings):
    """What the gateway reads. Limits are a minute's, and 0 means none."""

    host: str = Field(default="127.0.0.1", alias="LINGXI_HOST")
    port: int = Field(default=8000, alias="LINGXI_PORT", ge=0, le=65_535)
    local: bool = Field(default=False, alias="LINGXI_LOCAL")
    """Set by `make run`, and by nothing else."""
    jwt_private_key: Pem | None = Field(default=None, alias="JWT_PRIVATE_KEY")
    """Signs tokens."""
    jwt_other_keys: Pem = Field(default=SecretStr(""), alias="JWT_OTHER_KEYS")
    """Whose tokens are read too: the next key's, the last one's."""
    jwt_secret: Annotated[SecretStr, AfterValidator(_long_enough)] | None = Field(
        default=None, alias="JWT_SECRET"
    )
    """Signs instead of a key pair, in local mode only."""
    access_token_minutes: int = Field(default=1440, alias="ACCESS_TOKEN_MINUTES", ge=1)
    refresh_token_days: int = Field(default=7, alias="REFRESH_TOKEN_DAYS", ge=1)
    audit_days: int = Field(default=90, alias="AUDIT_DAYS", ge=1, le=3650)
    """How long it is kept what was done to accounts."""
    registration_open: bool = Field(default=True, alias="REGISTRATION_OPEN")
    reply_wait_seconds: float = Field(default=60, alias="REPLY_WAIT_SECONDS", gt=0)
    openai_model: str = Field(default="gpt-4.1-mini", alias="OPENAI_MODEL")
    """What is shown as the model of agents that name none."""
    rate_limit_per_user: int = Field(default=120, alias="RATE_LIMIT_PER_USER", ge=0)
    rate_limit_per_ip: int = Field(default=600, alias="RATE_LIMIT_PER_IP", ge=0)
    login_rate_limit: int = Field(default=10, alias="LOGIN_RATE_LIMIT", ge=0)
    trusted_proxies: Networks = Field(default=(), alias="TRUSTED_PROXIES")
    hsts_seconds: int = Field(default=0, alias="HSTS_SECONDS", ge=0)
    """How long browsers shall come by https only; for who ends TLS before us."""
    cors_allowed_origins: Listed = Field(default=(), alias="CORS_ALLOWED_ORIGINS")

    @model_validator(mode="after")
    def _signs_by_one(self) -> Self:
        if self.jwt_secret is not None and self.jwt_private_key is not None:
            raise ValueError("JWT_PRIVATE_KEY and JWT_SECRET are both set: one of them signs")
        if self.jwt_private_key is None and not (self.local and self.jwt_secret is not None):
            raise ValueError("JWT_PRIVATE_KEY is not set (JWT_SECRET is for local mode only)")
        return self
