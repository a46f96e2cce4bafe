"""TLS to NATS: whose certificates are good, and never without it where it is wanted.

(To Postgres, libpq does it by itself: `?sslmode=verify-full&sslrootcert=…` in `DATABASE_URL`.)
"""

import ssl
from pathlib import Path
from typing import Any

from nats.aio.client import Client
from nats.errors import Error as NatsError

SCHEME = "tls://"


def client_context(
    ca_file: Path | None, cert_file: Path | None = None, key_file: Path | None = None
) -> ssl.SSLContext:
    """Servers must have a certificate of `ca_file` (None: of whom this machine trusts), in the
    name they are called by; `cert_file` and `key_file` are shown to servers that want to see them.

    Raises:
        OSError, ssl.SSLError: a file cannot be read, or is none of its kind.
    """
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if cert_file is not None:
        context.load_cert_chain(cert_file, key_file)
    return context


class TlsClient(Client):
    """A client that tells its password to nobody without TLS.

    The library's own, given a context, does without when the server does not ask for TLS: whoever
    stands between could say so.
    """

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        if initial_connection and not info.get("tls_required"):
            raise NatsError("nats: the server offers no TLS")
        await super()._process_info(info, initial_connection)


def new_client(url: str, tls: ssl.SSLContext | None) -> tuple[Client, dict[str, Any]]:
    """A client for these servers, and how it is to connect. `tls://`, or a context, demands TLS."""
    if tls is None and SCHEME not in url:
        return Client(), {}
    return TlsClient(), {"tls": tls or client_context(None)}
