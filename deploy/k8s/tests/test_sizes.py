"""Limits that have to fit each other: connections and disks, when everything is full."""

import json
import re
from pathlib import Path

from lingxi_chassis.consumers.dead_letters import LETTERS_BYTES_MAX
from lingxi_chassis.postgres import POOL_SIZE
from lingxi_chassis.relay import StreamLimits
from lingxi_local.databases import OWNERS
from lingxi_local.postgres import SERVER_SETTINGS

from .rendering import Overlay

GIB = 1024**3
OF_A_PROCESS = POOL_SIZE + 1
"""The pool, and the relay's own."""
OTHERS = 20
"""Migrations, an administrator, and what Postgres keeps for superusers."""


def told(dev: Overlay, setting: str) -> str:
    """What the overlay's Postgres is told."""
    (container,) = dict(dev.pods)["postgres"]["spec"]["containers"]
    (value,) = [arg.partition("=")[2] for arg in container["args"] if arg.startswith(setting)]
    return value


def volume_bytes(dev: Overlay, name: str) -> int:
    """How large the volume of a server is."""
    (one,) = [it for it in dev.of_kind("StatefulSet") if it["metadata"]["name"] == name]
    (claim,) = one["spec"]["volumeClaimTemplates"]
    return int(claim["spec"]["resources"]["requests"]["storage"].removesuffix("Gi")) * GIB


def test_there_are_connections_for_all_replicas_there_can_be(dev: Overlay) -> None:
    grown = {
        one["spec"]["scaleTargetRef"]["name"]: one["spec"]["maxReplicas"]
        for one in dev.of_kind("HorizontalPodAutoscaler")
    }
    processes = 0
    for one in dev.of_kind("Deployment"):
        name = one["metadata"]["name"]
        if name.removeprefix("lingxi-") in OWNERS:
            surge = one["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
            processes += grown.get(name, one["spec"].get("replicas", 0)) + surge
    assert processes * OF_A_PROCESS + OTHERS <= int(told(dev, "max_connections"))


def test_the_databases_log_names_no_values(dev: Overlay) -> None:
    """Guards what is erased: a constraint's detail quotes the row (docs/decisions/0016)."""
    verbosity = "log_error_verbosity"
    assert told(dev, verbosity) == SERVER_SETTINGS[verbosity]


def test_streams_are_full_before_the_disk_is(dev: Overlay, secrets: Path) -> None:
    """Guards the alert on streams: a full disk would end all of them at once, unannounced."""
    streams = len(OWNERS) * StreamLimits().max_bytes + LETTERS_BYTES_MAX
    store = json.loads((secrets / "nats.conf").read_text())["jetstream"]["max_file_store"]
    assert streams <= store <= 0.9 * volume_bytes(dev, "nats")


def test_the_alert_on_databases_is_about_the_volume(dev: Overlay) -> None:
    alerts = (Path(__file__).parents[2] / "observability" / "alerts.yml").read_text()
    (limit,) = re.findall(r"lingxi_database_bytes\)\) > ([\d.]+) \* 1024\^3", alerts)
    assert float(limit) * GIB == 0.8 * volume_bytes(dev, "postgres")
