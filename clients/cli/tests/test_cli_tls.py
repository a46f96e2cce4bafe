"""The command where NATS speaks TLS."""

import os
import subprocess
import sys
from pathlib import Path

from lingxi_local.nats import NatsServer, RunningNats
from lingxi_local.nats_configuration import ADMIN
from lingxi_local.ports import LOOPBACK, unused_port
from tests.fixtures.certificates import Authority

PASSWORDS = {ADMIN: "of-the-admin"}
SECONDS_MAX = 60


def test_it_says_what_matters_and_nothing_of_its_library(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    own = authority.certificate(LOOPBACK)
    tls = {"cert_file": str(own.cert_file), "key_file": str(own.key_file)}
    server = NatsServer(tmp_path / "nats", unused_port(), PASSWORDS, (), {"tls": tls})
    with RunningNats(server, tmp_path / "log"):
        asked = subprocess.run(
            [sys.executable, "-m", "lingxi_cli", "users", "list"],
            cwd=tmp_path,
            env={
                **os.environ,
                "NATS_URL": server.url(ADMIN),
                "NATS_CA_FILE": str(authority.file),
            },
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
        )
    assert asked.returncode == 1
    (line,) = asked.stderr.splitlines()
    assert "gateway does not answer" in line
