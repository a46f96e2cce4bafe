"""What a NATS server of Lingxi is told: who may do what, and how JetStream stores.

The server reads JSON too. Used by every way to run Lingxi. Standard library only.
"""

import json
from collections.abc import Mapping, Sequence

from lingxi_local.permissions import Role

ADMIN = "admin"
MEMORY_STORE_BYTES_MAX = 256 * 1024 * 1024
FILE_STORE_BYTES_MAX = 18 * 1024 * 1024 * 1024
"""All streams full are 17 GiB: four owners' of 4, and 1 of dead letters. The volume is larger,
so that a stream is full, of which there is an alert, before the disk is."""
PAYLOAD_BYTES_MAX = 1024 * 1024
# Everyone answers requests; this bounds how long and how often after the request.
RESPONSES_MAX = 16
RESPONSE_SECONDS_MAX = 180


def nats_configuration(
    listen: str,
    store_dir: str,
    passwords: Mapping[str, str],
    roles: Sequence[Role],
    more: Mapping[str, object],
) -> str:
    """The text of the file. `passwords` holds one for each role, and may hold one for `admin`, who
    may do all; `more` are further settings of the server. Holds secrets: keep it private."""
    users = [_user(role, passwords[role.service]) for role in roles]
    if ADMIN in passwords:
        users.append({"user": ADMIN, "password": passwords[ADMIN]})
    configuration = {
        "listen": listen,
        "max_payload": PAYLOAD_BYTES_MAX,
        "jetstream": {
            "store_dir": store_dir,
            "sync_interval": "always",
            "max_memory_store": MEMORY_STORE_BYTES_MAX,
            "max_file_store": FILE_STORE_BYTES_MAX,
        },
        "authorization": {"users": users},
        **more,
    }
    return json.dumps(configuration, indent=2) + "\n"


def _user(role: Role, password: str) -> dict[str, object]:
    permissions: dict[str, object] = {
        "publish": {"allow": role.publish(), "deny": role.deny_publish()},
        "subscribe": {"allow": role.subscribe()},
    }
    if role.is_service:
        permissions["allow_responses"] = {
            "max": RESPONSES_MAX,
            "expires": f"{RESPONSE_SECONDS_MAX}s",
        }
    return {"user": role.service, "password": password, "permissions": permissions}
