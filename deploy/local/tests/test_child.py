"""A supervised process that the system does not let us start, for a while or at all."""

import io
import signal
from pathlib import Path

import pytest

from lingxi_local.child import STARTS_MAX, Child, Recipe
from lingxi_local.output import Output
from lingxi_local.process import Command, StartFailed
from tests.fixtures.waiting import eventually

SECONDS_MAX = 30.0


async def ready() -> bool:
    return True


def child_of(program: Path, output: io.StringIO) -> Child:
    return Child(Recipe("sleeper", Command([program], env={}), ready, 1.0), Output(output))


def sleeper(folder: Path) -> Path:
    program = folder / "sleeper"
    program.write_text("#!/bin/sh\nexec /bin/sleep 600\n")
    program.chmod(0o700)
    return program


async def test_one_that_can_not_be_started_again_is_tried_until_it_can(tmp_path: Path) -> None:
    output = io.StringIO()
    program = sleeper(tmp_path)
    child = child_of(program, output)
    await child.start()
    try:
        await child.wait_ready(SECONDS_MAX)
        program.unlink()
        child.signal(signal.SIGKILL)
        await eventually(lambda: child.crashes > 1, SECONDS_MAX)
        assert child.pid is None
        sleeper(tmp_path)
        await eventually(lambda: child.pid is not None, SECONDS_MAX)
    finally:
        await child.stop()
    assert "sleeper crashed (not started: " in output.getvalue()


async def test_one_that_was_never_started_is_given_up_and_named(tmp_path: Path) -> None:
    child = child_of(tmp_path / "missing", io.StringIO())
    await child.start()
    with pytest.raises(StartFailed, match=r"^sleeper did not start: .*not started: .*missing"):
        await child.wait_ready(SECONDS_MAX)
    assert child.crashes == STARTS_MAX
    await child.stop()
