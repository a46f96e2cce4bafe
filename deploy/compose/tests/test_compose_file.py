"""compose.yaml: every setting reaches its service, and nothing has rights that it needs not."""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings

from lingxi_compose.choices import CLUSTER_NATS_NODES, PROFILES
from lingxi_compose.installation import prepare
from lingxi_compose.mounted import fingerprints
from lingxi_local.postgres import SERVER_SETTINGS
from lingxi_local.services import SERVICES, Service

HERE = Path(__file__).parents[1]
LOCAL_ONLY = {"LINGXI_LOCAL", "LINGXI_TIME_SCALE", "JWT_SECRET"}
FROM_THE_IMAGE = {"LINGXI_HOST", "LINGXI_INTERNAL_HOST", "LINGXI_INTERNAL_PORT"}
OWN_NATS = {"NATS_CA_FILE", "NATS_CERT_FILE", "NATS_KEY_FILE"}
"""Of the secrets' files where there is a TLS_FOLDER; it asks for no certificate of ours."""
PUBLISHED = {"LINGXI_PORT"}
"""The port on the host; inside it is always the same."""
INTERPOLATED = re.compile(r"\$\{(\w+)")

type Parts = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def parts() -> Parts:
    """The services by name."""
    return yaml.safe_load((HERE / "compose.yaml").read_text())["services"]


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a cluster, which has the most."""
    return prepare(tmp_path_factory.mktemp("compose") / ".secrets", CLUSTER_NATS_NODES)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_setting_of_a_service_is_handed_on(
    service: Service, parts: Parts, secrets: Path
) -> None:
    settings: type[BaseSettings] = import_module(f"{service.module}.settings").Settings
    wanted = {field.alias or name for name, field in settings.model_fields.items()}
    part = parts[service.name]
    lines = (secrets / Path(part["env_file"]).name).read_text().splitlines()
    kept = {line.partition("=")[0] for line in lines}
    elsewhere = LOCAL_ONLY | FROM_THE_IMAGE | PUBLISHED | OWN_NATS
    assert wanted - kept - elsewhere <= part["environment"].keys()
    for name, value in part["environment"].items():
        assert INTERPOLATED.findall(value) == [name]  # under its own name, empty by default
        assert name not in kept, f"{name}: an empty setting would hide the secret"


def test_every_file_of_secrets_that_is_named_is_made_and_private(secrets: Path) -> None:
    text = (HERE / "compose.yaml").read_text()
    named = set(re.findall(r"\.secrets/([\w.-]+)", text))
    assert named <= {path.name for path in secrets.iterdir()}
    for path in secrets.iterdir():
        assert path.stat().st_mode & 0o077 == 0


def test_profiles_are_those_that_can_be_chosen(parts: Parts) -> None:
    named = {name for part in parts.values() for name in part.get("profiles", ())}
    # That one keeps the operator's command from starting with the rest.
    assert named - {"operator"} == set(PROFILES)


def test_ours_are_read_only_and_without_capabilities(parts: Parts) -> None:
    ours = {name: part for name, part in parts.items() if "LINGXI_IMAGE" in part["image"]}
    assert ours.keys() >= {service.name for service in SERVICES}
    for name, part in ours.items():
        assert part["read_only"], name
        assert part["cap_drop"] == ["ALL"], name
        assert part["security_opt"] == ["no-new-privileges:true"], name


def test_who_mounts_a_file_is_made_anew_when_it_changes(parts: Parts, tmp_path: Path) -> None:
    """Guards upgrades: a server's new permissions count from the next `make up` on."""
    mounting = {
        name
        for name, part in parts.items()
        for volume in part.get("volumes", ())
        if volume.startswith(("./", "../", "${SAFETY_RULES_FILE"))
    }
    assert mounting >= {"nats", "nats-2", "nats-3", "chat", "prometheus", "grafana", "collector"}
    rules, conf = tmp_path / "rules.json", prepare(tmp_path / ".secrets") / "nats.conf"
    rules.write_text("[]")
    env = {"SAFETY_RULES_FILE": str(rules)}
    before = fingerprints(env, conf.parent)
    assert before == fingerprints(env, conf.parent)
    rules.write_text("[1]")
    conf.write_text(conf.read_text() + " ")
    changed = {k for k, v in fingerprints(env, conf.parent).items() if v != before[k]}
    assert changed == {"LINGXI_NATS_FILES", "LINGXI_SAFETY_FILES"}
    for name in mounting:
        (told,) = INTERPOLATED.findall(parts[name]["labels"]["lingxi.files"])
        assert told in before, name


def test_logs_are_bounded_and_the_databases_names_no_values(parts: Parts) -> None:
    """Guards what is erased: a constraint's detail quotes the row (docs/decisions/0016)."""
    for name, part in parts.items():
        assert part["logging"]["options"] == {"max-size": "10m", "max-file": "3"}, name
    verbosity = SERVER_SETTINGS["log_error_verbosity"]
    assert f"log_error_verbosity={verbosity}" in parts["postgres"]["command"]


def test_every_image_says_its_version(parts: Parts) -> None:
    for name, part in parts.items():
        tag = part["image"].rstrip("}").rpartition(":")[2]
        assert tag not in ("", "latest"), name


def test_what_is_published_is_published_on_loopback(parts: Parts) -> None:
    published = [port for part in parts.values() for port in part.get("ports", ())]
    assert published
    for port in published:
        assert port.startswith("${LINGXI_ADDRESS:-127.0.0.1}:")
