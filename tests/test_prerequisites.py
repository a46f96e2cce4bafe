"""What a machine lacks is skipped and named, or fails where nothing may be missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LACKED = "a Docker engine (TEST_SERVERS=containers)"


@pytest.mark.parametrize(("option", "code"), [([], 0), (["--no-missing"], 1)])
def test_a_missing_engine(option: list[str], code: int) -> None:
    nobody = {"DOCKER_HOST": "unix:///nonexistent", "TEST_SERVERS": "containers"}
    tests = ROOT / "deploy/local/tests/test_servers.py"
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", str(tests), "-k", "fresh_database", *option],
        cwd=ROOT,
        env={**os.environ, **nobody},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == code
    assert LACKED in ran.stdout
    assert "deselected" in ran.stdout.strip().splitlines()[-1]
