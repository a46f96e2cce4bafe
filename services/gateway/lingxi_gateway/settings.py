"""Environment -> frozen settings of the gateway."""

from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from lingxi_chassis.settings import OwnerSettings

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
    jwt_secret: Annotated[SecretStr, AfterValidator(_long_enough)] = Field(alias="JWT_SECRET")
    access_token_minutes: int = Field(default=1440, alias="ACCESS_TOKEN_MINUTES", ge=1)
    refresh_token_days: int = Field(default=7, alias="REFRESH_TOKEN_DAYS", ge=1)
    registration_open: bool = Field(default=True, alias="REGISTRATION_OPEN")
    reply_wait_seconds: float = Field(default=60, alias="REPLY_WAIT_SECONDS", gt=0)
    openai_model: str = Field(default="gpt-4.1-mini", alias="OPENAI_MODEL")
    """What is shown as the model of agents that name none."""
    rate_limit_per_user: int = Field(default=120, alias="RATE_LIMIT_PER_USER", ge=0)
    rate_limit_per_ip: int = Field(default=600, alias="RATE_LIMIT_PER_IP", ge=0)
    login_rate_limit: int = Field(default=10, alias="LOGIN_RATE_LIMIT", ge=0)
    trusted_proxies: Networks = Field(default=(), alias="TRUSTED_PROXIES")
    cors_allowed_origins: Listed = Field(default=(), alias="CORS_ALLOWED_ORIGINS")
