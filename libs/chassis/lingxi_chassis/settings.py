"""Settings that every service has. Each service's `settings.py` adds its own; nothing else reads
the environment."""

from ssl import SSLContext
from typing import Literal

from pydantic import Field, FilePath
from pydantic_settings import BaseSettings, SettingsConfigDict

from lingxi_chassis.tls import client_context


class ServiceSettings(BaseSettings):
    """Environment -> frozen settings. Unset and empty mean the same."""

    model_config = SettingsConfigDict(
        frozen=True, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    nats_url: str = Field(alias="NATS_URL")
    nats_ca_file: FilePath | None = Field(default=None, alias="NATS_CA_FILE")
    """Whose certificates NATS has, in PEM. With it, or at `tls://`, never without TLS."""
    nats_cert_file: FilePath | None = Field(default=None, alias="NATS_CERT_FILE")
    """Our own certificate, where NATS wants to see one; `nats_key_file`: its key."""
    nats_key_file: FilePath | None = Field(default=None, alias="NATS_KEY_FILE")
    nats_stream_replicas: int = Field(default=1, alias="NATS_STREAM_REPLICAS", ge=1, le=5)
    """Servers that hold each stream, that of the dead letters too."""
    internal_port: int = Field(alias="LINGXI_INTERNAL_PORT", ge=0, le=65_535)
    """Health and metrics, on loopback unless `LINGXI_INTERNAL_HOST` says otherwise."""
    internal_host: str = Field(default="127.0.0.1", alias="LINGXI_INTERNAL_HOST")
    otlp_endpoint: str = Field(default="", alias="OTEL_EXPORTER_OTLP_ENDPOINT")
    """Where traces go, by HTTP; empty: there are none. OpenTelemetry's SDK reads it too."""
    log_format: Literal["json", "console"] = Field(default="json", alias="LINGXI_LOG_FORMAT")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", alias="LINGXI_LOG_LEVEL"
    )

    def nats_tls(self) -> SSLContext | None:
        """How to know NATS. Raises OSError, ssl.SSLError: a file is none of its kind."""
        if self.nats_ca_file is None and self.nats_cert_file is None:
            return None
        return client_context(self.nats_ca_file, self.nats_cert_file, self.nats_key_file)


class OwnerSettings(ServiceSettings):
    """Settings of a service with a log of its own."""

    database_url: str = Field(alias="DATABASE_URL")
    event_retention_days: int = Field(default=30, alias="EVENT_RETENTION_DAYS", ge=1)
