"""Settings that every service has. Each service's `settings.py` adds its own; nothing else reads
the environment."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """Environment -> frozen settings. Unset and empty mean the same."""

    model_config = SettingsConfigDict(
        frozen=True, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    nats_url: str = Field(alias="NATS_URL")
    internal_port: int = Field(alias="LINGXI_INTERNAL_PORT", ge=0, le=65_535)
    """Health and metrics, on loopback unless `LINGXI_INTERNAL_HOST` says otherwise."""
    internal_host: str = Field(default="127.0.0.1", alias="LINGXI_INTERNAL_HOST")
    otlp_endpoint: str = Field(default="", alias="OTEL_EXPORTER_OTLP_ENDPOINT")
    """Where traces go, by HTTP; empty: there are none. OpenTelemetry's SDK reads it too."""
    log_format: Literal["json", "console"] = Field(default="json", alias="LINGXI_LOG_FORMAT")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", alias="LINGXI_LOG_LEVEL"
    )


class OwnerSettings(ServiceSettings):
    """Settings of a service with a log of its own."""

    database_url: str = Field(alias="DATABASE_URL")
    event_retention_days: int = Field(default=30, alias="EVENT_RETENTION_DAYS", ge=1)
    nats_stream_replicas: int = Field(default=1, alias="NATS_STREAM_REPLICAS", ge=1, le=5)
