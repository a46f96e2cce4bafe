"""The secrets of a Compose installation: made once, good for the services, to each its own."""

import json
from pathlib import Path
from typing import Any

from lingxi_compose.installation import CA_FILE, OWNERS, prepare


def env_of(folder: Path, service: str) -> dict[str, str]:
    """As Docker Compose reads it: a line a variable, the value as it is."""
    lines = (folder / f"{service}.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_secrets_are_made_once(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "secrets")
    before = {path.name: path.read_text() for path in folder.iterdir()}
    prepare(folder)
    assert {path.name: path.read_text() for path in folder.iterdir()} == before
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert env_of(prepare(tmp_path / "another"), "gateway") != env_of(folder, "gateway")


def test_each_container_has_its_own_secrets_and_nobody_elses(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "secrets")
    secrets: dict[str, str] = json.loads((folder / "secrets.json").read_text())
    for name, secret in secrets.items():
        line = secret.replace("\n", "\\n")
        holders = {path.stem for path in folder.glob("*.env") if line in path.read_text()}
        kind, _, service = name.partition(".")
        wanted = {
            "postgres": {service, "migrate"} if service else {"postgres", "migrate"},
            # The operator hands the subscriber's on.
            "nats": {"operator" if service == "subscriber" else service} - {"routes"},
            "jwt": {"gateway"},
            "grafana": {"grafana"},
        }
        assert holders == wanted[kind], name


def test_with_tls_nobody_takes_a_connection_without_it(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "secrets", 3, tls=True)
    for owner in OWNERS:
        assert "sslmode=verify-full&sslrootcert=/" in env_of(folder, owner)["DATABASE_URL"]
    assert "sslmode=verify-full" in env_of(folder, "migrate")["ADMIN_DATABASE_URL"]
    for service in ("summarizer", *OWNERS):
        assert env_of(folder, service)["NATS_CA_FILE"] == CA_FILE
    for node in ("nats", "nats-2", "nats-3"):
        told: dict[str, Any] = json.loads((folder / f"{node}.conf").read_text())
        assert told["tls"] == told["cluster"]["tls"]
        assert set(told["tls"]) == {"cert_file", "key_file", "ca_file"}
    without = prepare(tmp_path / "secrets", 3)
    assert "ssl" not in "".join(path.read_text() for path in without.glob("*.env"))
    assert "tls" not in (without / "nats.conf").read_text()
