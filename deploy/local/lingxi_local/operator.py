"""The file by which the `lingxi` command finds this installation: `operator.json`, mode 0600.

Written at each start, for the NATS port is chosen then; removed at a stop in good order.
"""

import json
from pathlib import Path

from lingxi_local.data_dir import replace_private
from lingxi_local.permissions import OPERATOR, SUBSCRIBER
from lingxi_local.servers import Servers

FILE = "operator.json"


def write(data_dir: Path, servers: Servers) -> None:
    """Say where NATS is. A server of the operator's own has no read-only user that we know of."""
    urls: dict[str, str | None] = {
        "nats_url": servers.nats_urls[OPERATOR],
        "subscriber_url": servers.nats_urls[SUBSCRIBER],
    }
    if urls["nats_url"] == urls["subscriber_url"]:
        urls["subscriber_url"] = None
    replace_private(data_dir / FILE, json.dumps(urls, indent=2) + "\n")


def remove(data_dir: Path) -> None:
    """Nothing runs here any more."""
    (data_dir / FILE).unlink(missing_ok=True)
