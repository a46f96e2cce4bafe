"""The secrets of a Compose installation: made once, kept in `.secrets/`, never anywhere else.

Each container gets a file with its own credentials and nobody else's; NATS gets a user and the
permissions of each service. Standard library only: it runs before anything is installed.
"""

import json
import os
import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path

from lingxi_compose.engine import HERE
from lingxi_local.nats_configuration import nats_configuration
from lingxi_local.permissions import OPERATOR, ROLES, SUBSCRIBER, USERS

FOLDER = HERE / ".secrets"
PASSWORD_BYTES = 24
OWNERS = tuple(role.service for role in ROLES if role.owns_events)
POSTGRES = "postgres:5432"
NATS_PORT = 4222
NATS_ROUTES_PORT = 6222
NATS_MONITORING = "127.0.0.1:8222"
ROUTES = "nats.routes"
"""What the servers of a cluster say to one another."""
SIGNING_KEY, NEXT_KEY, LAST_KEY = "jwt.signing", "jwt.next", "jwt.last"
SECRETS = "secrets.json"
TLS = "/etc/lingxi/tls"
TLS_FILES = ("cert_file", "key_file", "ca_file")
CA_FILE = "/etc/lingxi/ca.pem"
"""Where the containers have what is in `TLS_FOLDER`: the servers all of it, ours the authority."""
ED25519_FRAME = bytes.fromhex("302e020100300506032b657004220420")
"""What stands before the 32 bytes of a private key in PKCS#8 (RFC 8410)."""
ED25519_BYTES = 32


def prepare(folder: Path = FOLDER, nats_nodes: int = 1, tls: bool = False) -> Path:
    """Make what is missing of the secrets, and write every container's file anew from them."""
    folder.mkdir(mode=0o700, exist_ok=True)
    kept = _kept(folder / SECRETS)
    nodes = ["nats", *(f"nats-{number}" for number in range(2, nats_nodes + 1))]
    for name, text in _files(kept, nodes, tls).items():
        write_private(folder / name, text)
    return folder


def new_key() -> str:
    """An Ed25519 key in PEM."""
    body = b64encode(ED25519_FRAME + secrets.token_bytes(ED25519_BYTES)).decode()
    return f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"


def _kept(path: Path) -> dict[str, str]:
    """All secrets by name. Those there are stay; a new service only adds its own."""
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    wanted = [
        "postgres",
        "grafana",
        ROUTES,
        *(f"postgres.{owner}" for owner in OWNERS),
        *(f"nats.{user.service}" for user in USERS),
    ]
    missing = {name: secrets.token_urlsafe(PASSWORD_BYTES) for name in wanted if name not in kept}
    if SIGNING_KEY not in kept:
        missing[SIGNING_KEY] = new_key()
    if missing:
        kept |= missing
        write_private(path, json.dumps(kept, indent=2) + "\n")
    return kept


def _files(kept: Mapping[str, str], nodes: Sequence[str], tls: bool) -> dict[str, str]:
    verified = f"?sslmode=verify-full&sslrootcert={CA_FILE}" if tls else ""
    admin_url = f"postgresql://postgres:{kept['postgres']}@{POSTGRES}/postgres{verified}"
    files = {
        **{f"{node}.conf": _nats_configuration(kept, node, nodes, tls) for node in nodes},
        "grafana.env": _env({"GF_SECURITY_ADMIN_PASSWORD": kept["grafana"]}),
        "postgres.env": _env({"POSTGRES_PASSWORD": kept["postgres"]}),
        "migrate.env": _env(
            {
                "ADMIN_DATABASE_URL": admin_url,
                **{
                    f"{owner.upper()}_DATABASE_PASSWORD": kept[f"postgres.{owner}"]
                    for owner in OWNERS
                },
            }
        ),
    }
    for service in (*(role.service for role in ROLES), OPERATOR):
        own = {"NATS_URL": _nats_url(kept, service, nodes)}
        if tls:
            own["NATS_CA_FILE"] = CA_FILE
        if service in OWNERS:
            password = kept[f"postgres.{service}"]
            database = f"lingxi_{service}"
            address = f"{POSTGRES}/{database}{verified}"
            own["DATABASE_URL"] = f"postgresql://{database}:{password}@{address}"
        if service == OPERATOR:
            own["NATS_SUBSCRIBER_URL"] = _nats_url(kept, SUBSCRIBER, nodes)
        if service == "gateway":
            others = (kept[name] for name in (NEXT_KEY, LAST_KEY) if name in kept)
            own["JWT_PRIVATE_KEY"] = _in_one_line(kept[SIGNING_KEY])
            own["JWT_OTHER_KEYS"] = _in_one_line("".join(others))
        files[f"{service}.env"] = _env(own)
    return files


def _nats_url(kept: Mapping[str, str], user: str, nodes: Sequence[str]) -> str:
    credentials = f"{user}:{kept[f'nats.{user}']}"
    return ",".join(f"nats://{credentials}@{node}:{NATS_PORT}" for node in nodes)


def _in_one_line(pem: str) -> str:
    return pem.replace("\n", "\\n")


def _nats_configuration(kept: Mapping[str, str], node: str, nodes: Sequence[str], tls: bool) -> str:
    """Of one server, alone or in a cluster. Alone it has another store: what a cluster kept is of
    no use to it, and the owners fill it again."""
    files = {one: f"{TLS}/{one.removesuffix('_file')}.pem" for one in TLS_FILES}
    by_tls: dict[str, object] = {"tls": files} if tls else {}
    more: dict[str, object] = {"http": NATS_MONITORING, "server_name": node, **by_tls}
    store = "/data"
    if len(nodes) > 1:
        store = "/data/cluster"
        routes = {"user": "routes", "password": kept[ROUTES]}
        credentials = f"{routes['user']}:{routes['password']}"
        more["cluster"] = {
            "name": "lingxi",
            "listen": f"0.0.0.0:{NATS_ROUTES_PORT}",
            "authorization": routes,
            "routes": [f"nats://{credentials}@{other}:{NATS_ROUTES_PORT}" for other in nodes],
            **by_tls,
            # Clients know all servers by name; their addresses change.
            "no_advertise": True,
        }
    passwords = {user.service: kept[f"nats.{user.service}"] for user in USERS}
    return nats_configuration(f"0.0.0.0:{NATS_PORT}", store, passwords, USERS, more)


def _env(values: Mapping[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in values.items())


def write_private(path: Path, text: str) -> None:
    """A file for our account alone."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(descriptor, 0o600)
        file.write(text)
