"""Environment (and `.env`) -> where NATS is; nothing else reads the environment."""

from pathlib import Path
from ssl import SSLContext, SSLError
from urllib.parse import urlsplit

import orjson
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from lingxi_chassis.tls import client_context
from lingxi_cli.failures import Failure

FILE = "operator.json"
"""Written by `make run` into its data directory: URLs with credentials, for its account alone."""


def places(url: str) -> str:
    """Where the servers of a NATS URL are, without credentials; empty: nowhere."""
    try:
        found = [urlsplit(one).netloc.rpartition("@")[2] for one in url.split(",")]
    except ValueError:
        return ""
    return ",".join(found) if all(found) else ""


class Settings(BaseSettings):
    """What the command reads: as `make run` does, so that both mean the same installation."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    nats_url: str | None = Field(default=None, alias="NATS_URL")
    nats_subscriber_url: str | None = Field(default=None, alias="NATS_SUBSCRIBER_URL")
    nats_ca_file: Path | None = Field(default=None, alias="NATS_CA_FILE")
    nats_cert_file: Path | None = Field(default=None, alias="NATS_CERT_FILE")
    nats_key_file: Path | None = Field(default=None, alias="NATS_KEY_FILE")
    data_dir: Path = Field(default=Path(".lingxi"), alias="LINGXI_DATA_DIR")

    def nats_tls(self) -> SSLContext | None:
        """How to know NATS. Raises `Failure`."""
        if self.nats_ca_file is None and self.nats_cert_file is None:
            return None
        try:
            return client_context(self.nats_ca_file, self.nats_cert_file, self.nats_key_file)
        except (OSError, SSLError) as error:
            raise Failure(f"NATS_CA_FILE, NATS_CERT_FILE or NATS_KEY_FILE: {error}") from None

    def operator_url(self) -> str:
        """Where NATS is, with the operator's credentials. Raises `Failure`."""
        if self.nats_url is not None:
            return self.nats_url
        url = self._local("nats_url")
        assert url is not None
        return url

    def subscriber_url(self) -> str:
        """Where NATS is, with credentials that can only read events. Raises `Failure`."""
        if self.nats_subscriber_url is not None:
            return self.nats_subscriber_url
        url = None if self.nats_url is not None else self._local("subscriber_url")
        if url is None:
            place = places(self.operator_url()) or "HOST:4222"
            raise Failure(
                f"it is nats://subscriber:PASSWORD@{place}: the password of this user stands in the"
                " configuration of that server. NATS_SUBSCRIBER_URL may keep it for this command."
            )
        return url

    def _local(self, name: str) -> str | None:
        path = self.data_dir.absolute() / FILE
        try:
            urls: dict[str, str | None] = orjson.loads(path.read_bytes())
            return urls[name]
        except FileNotFoundError:
            raise Failure(
                f"Lingxi does not run on {path.parent}. Start it with `make run`, name its data "
                "directory by LINGXI_DATA_DIR, or its NATS by NATS_URL."
            ) from None
        except PermissionError:
            raise Failure(f"{path} is for the account that runs Lingxi.") from None
        except (OSError, ValueError, KeyError):
            raise Failure(f"{path} cannot be read. Start Lingxi again with `make run`.") from None
