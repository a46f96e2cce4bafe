"""What runs in the pods: without rights it needs not, bounded, probed where it answers, and with
every setting that it needs."""

import importlib.util
import re
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic_settings import BaseSettings

from lingxi_chassis.health import Health, serve_health
from lingxi_local.ports import LOOPBACK, unused_port
from lingxi_local.services import SERVICES
from lingxi_simulator.server import start as start_simulator

from .rendering import K8S, Manifest, Overlay, served

TALKS_TO_NOBODY = {"lingxi-simulator"}
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
FROM_THE_IMAGE = {"LINGXI_INTERNAL_PORT"}
WRITES_ITS_ROOT = {"postgres"}
"""Of the pods that are not ours."""


def test_nothing_runs_as_root_or_with_rights_it_needs_not(overlay: Overlay) -> None:
    for name, pod in overlay.pods:
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] > 0, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in spec["containers"] + spec.get("initContainers", []):
            rights = container["securityContext"]
            assert rights["allowPrivilegeEscalation"] is False, name
            assert rights["capabilities"] == {"drop": ["ALL"]}, name
            assert rights.get("readOnlyRootFilesystem") or name in WRITES_ITS_ROOT, name


def test_an_authority_of_ones_own_reaches_whoever_connects(overlay: Overlay) -> None:
    """Guards TLS to Postgres and NATS, the migrations' too; who has none mounts nothing."""
    for name, pod in overlay.pods:
        (container,) = pod["spec"]["containers"]
        if not container["image"].split("/")[-1].startswith("lingxi:") or name in TALKS_TO_NOBODY:
            continue
        volumes = {one["name"]: one for one in pod["spec"]["volumes"]}
        assert volumes["ca"]["configMap"] == {"name": "lingxi-ca", "optional": True}, name
        mounts = {one["name"]: one for one in container["volumeMounts"]}
        assert mounts["ca"] == {"name": "ca", "mountPath": "/etc/lingxi/ca", "readOnly": True}, name


def test_everything_is_bounded_and_of_a_known_version(overlay: Overlay) -> None:
    for name, container in overlay.containers:
        resources = container["resources"]
        assert resources["limits"]["memory"], name
        assert resources["requests"].keys() == {"cpu", "memory"}, name
        image, _, tag = container["image"].rpartition(":")
        assert image, name
        assert tag not in ("", "latest"), name


@pytest.fixture
async def health() -> AsyncIterator[str]:
    """Where a service tells its health."""
    port = unused_port()
    async with serve_health(Health(), LOOPBACK, port):
        yield f"http://{LOOPBACK}:{port}"


async def test_each_probe_asks_for_what_is_served(dev: Overlay, health: str) -> None:
    simulator = await start_simulator(LOOPBACK, 0)
    at = {"internal": health, "lingxi-simulator": simulator.base_url.removesuffix("/v1")}
    async with httpx.AsyncClient(trust_env=False) as client:
        for name, container in dev.containers:
            for probe in _probes(container):
                if "httpGet" not in probe:
                    continue
                port, path = probe["httpGet"]["port"], probe["httpGet"]["path"]
                assert port in {one["name"] for one in container["ports"]}, name
                answer = await client.get(at.get(name, at.get(port, "")) + path)
                assert answer.status_code == HTTPStatus.OK, (name, path)
        for name, pod in dev.pods:
            notes = pod["metadata"].get("annotations", {})
            if "prometheus.io/path" in notes:
                assert int(notes["prometheus.io/port"]) == served(pod)["internal"], name
                answer = await client.get(health + notes["prometheus.io/path"])
                assert answer.status_code == HTTPStatus.OK
    await simulator.close()


def test_whatever_goes_on_is_probed(overlay: Overlay) -> None:
    for one in overlay.of_kind("Deployment", "StatefulSet"):
        for container in one["spec"]["template"]["spec"]["containers"]:
            assert "readinessProbe" in container, one["metadata"]["name"]


def _probes(container: Manifest) -> list[Mapping[str, Any]]:
    return [container[kind] for kind in PROBES if kind in container]


def test_the_gateway_drains_after_it_is_forgotten(overlay: Overlay) -> None:
    spec = dict(overlay.pods)["lingxi-gateway"]["spec"]
    (container,) = spec["containers"]
    waits = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert 0 < waits < spec["terminationGracePeriodSeconds"] / 2


def test_every_command_is_there(overlay: Overlay) -> None:
    for name, container in overlay.containers:
        if container["image"].split("/")[-1].startswith("lingxi:"):
            assert container["command"][:2] == ["python", "-m"], name
            assert importlib.util.find_spec(container["command"][2]), name


def test_every_setting_and_secret_that_is_needed_is_there(dev: Overlay) -> None:
    for service in SERVICES:
        (container,) = dict(dev.pods)[f"lingxi-{service.name}"]["spec"]["containers"]
        settings: type[BaseSettings] = import_module(f"{service.module}.settings").Settings
        fields = settings.model_fields.items()
        needed = {field.alias or name for name, field in fields if field.is_required()}
        assert needed <= dev.environment(container).keys() | FROM_THE_IMAGE, service.name


def test_the_secrets_that_somebody_else_makes_are_listed(overlay: Overlay, secrets: Path) -> None:
    text = (K8S / "production" / "kustomization.yaml").read_text()
    listed = set(re.findall(r"lingxi-[a-z]+", "\n".join(re.findall(r"^#  .*", text, re.MULTILINE))))
    for name, container in overlay.containers:
        for source in container.get("envFrom", ()):
            if "configMapRef" in source:
                assert source["configMapRef"]["name"] in overlay.settings, name
            else:
                assert source["secretRef"]["name"] in overlay.settings.keys() | listed, name
