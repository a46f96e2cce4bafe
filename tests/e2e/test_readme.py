"""The README: what it links to is there, and its walk-through works as pasted."""

import asyncio
import re
import shutil
from pathlib import Path

import pytest

from tests.fixtures.prerequisites import missing
from tests.fixtures.system import RunningSystem

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
WALK_SECONDS_MAX = 300.0


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\((?!https?:)([^)#]+)", README))))
def test_what_it_links_to_is_there(target: str) -> None:
    assert (ROOT / target).exists()


async def test_the_walk_through_works_as_pasted(system: RunningSystem) -> None:
    for tool in ("bash", "curl"):
        if shutil.which(tool) is None:
            missing(f"{tool} (the README's walk-through)")
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    (walk,) = [block for block in blocks if block.startswith("API=")]
    script = walk.replace("http://127.0.0.1:8000", system.base_url)

    pasted = await asyncio.create_subprocess_exec(
        "bash",
        "-euo",
        "pipefail",
        "-c",
        script,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(WALK_SECONDS_MAX):
        said, errors = await pasted.communicate()

    assert pasted.returncode == 0, errors.decode()
    answers = said.decode()
    assert "Your name is Ada" in answers
    assert "shy librarian" in answers
    assert '"source": "manual"' in answers
    assert '"seq": 1,' in answers
