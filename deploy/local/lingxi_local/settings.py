"""What `make run` reads from the environment and `.env`; the only file here that does.

Everything else in the environment goes on to the services, which read their own settings.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field

# Given to services in local mode where the person running it says nothing else.
LOCAL_DEFAULTS = {
    "RATE_LIMIT_PER_USER": "0",
    "RATE_LIMIT_PER_IP": "0",
    "LOGIN_RATE_LIMIT": "0",
    "CORS_ALLOWED_ORIGINS": "loopback",
    "LINGXI_LOG_FORMAT": "console",
}

# Handed on by name to whom they concern, and to nobody else.
SECRETS = (
    "DATABASE_URL",
    "NATS_URL",
    "JWT_SECRET",
    "JWT_PRIVATE_KEY",
    "JWT_OTHER_KEYS",
    "OPENAI_API_KEY",
)


def without_secrets(env: Mapping[str, str]) -> dict[str, str]:
    """What any child may see of the environment."""
    return {name: value for name, value in env.items() if name not in SECRETS}


def environment(dotenv: Path = Path(".env")) -> dict[str, str]:
    """The environment on top of `.env`; empty counts as unset."""
    merged = {**dotenv_values(dotenv), **os.environ}
    return {name: value for name, value in merged.items() if value}


def minimal_environment() -> dict[str, str]:
    """What any process needs, and no setting of Lingxi: the base of every system started here."""
    names = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
    return {
        name: value
        for name, value in os.environ.items()
        if name in names or name.startswith("PYTHON")
    }


class LocalSettings(BaseModel):
    """Settings of local mode itself. Raises pydantic's `ValidationError`."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    port: int = Field(default=8000, ge=0, le=65_535, alias="LINGXI_PORT")
    data_dir: Path = Field(default=Path(".lingxi"), alias="LINGXI_DATA_DIR")
    nats_url: str | None = Field(default=None, alias="NATS_URL")
    database_url: str | None = Field(default=None, alias="DATABASE_URL")
    openai_api_key: str | None = Field(default=None, alias="OPENAI_API_KEY")
    openai_base_url: str | None = Field(default=None, alias="OPENAI_BASE_URL")
    openai_model: str = Field(default="gpt-4.1-mini", alias="OPENAI_MODEL")
    model: Literal["", "smollm2"] = Field(default="", alias="MODEL")

    @classmethod
    def read(cls, env: Mapping[str, str]) -> "LocalSettings":
        """The settings of an environment."""
        return cls.model_validate(dict(env))
