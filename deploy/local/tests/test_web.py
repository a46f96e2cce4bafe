"""The web app's build: when it is due, by which Node, and what is said where there is none."""

from io import StringIO
from pathlib import Path

import pytest

from lingxi_local.output import Output
from lingxi_local.web import STAMP, WebApp, WebNotBuilt, fingerprint, system_node

NODE = """#!/bin/sh
echo v{version}
"""
NPM = """#!/bin/sh
mkdir -p node_modules ../build
echo "$@" >> ../asked
"""


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Sources of an app, small enough to read."""
    folder = tmp_path / "sources"
    folder.mkdir()
    for name in ("package.json", "package-lock.json", "main.ts"):
        (folder / name).write_text(name)
    return folder


def tools(folder: Path, version: str) -> dict[str, str]:
    """An environment with a Node of this version, and an npm that notes what it is asked."""
    folder.mkdir()
    for name, text in (("node", NODE.format(version=version)), ("npm", NPM)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


def test_the_fingerprint_is_of_every_source_and_of_nothing_else(sources: Path) -> None:
    before = fingerprint(sources)
    (sources / "node_modules").mkdir()
    (sources / "node_modules" / "react.js").write_text("somebody else's")
    assert fingerprint(sources) == before
    (sources / "main.ts").write_text("changed")
    changed = fingerprint(sources)
    assert changed != before
    (sources / "main.ts").rename(sources / "other.ts")
    assert fingerprint(sources) != changed


async def test_it_is_built_once_and_again_when_its_sources_change(sources: Path) -> None:
    folder = sources.parent
    web = WebApp(tools(folder / "tools", "20.19.0"), sources, folder / "build")
    said = StringIO()
    for _ in range(2):
        await web.bring_up_to_date(Output(said))
    assert (folder / "asked").read_text().splitlines() == ["ci", "run build"]
    assert web.is_current
    (sources / "main.ts").write_text("changed")
    assert not web.is_current
    await web.bring_up_to_date(Output(said))
    assert (folder / "asked").read_text().splitlines() == ["ci", "run build", "run build"]
    assert (folder / "build" / STAMP).read_text() == fingerprint(sources)


async def test_a_step_that_fails_is_shown(sources: Path) -> None:
    folder = sources.parent
    env = tools(folder / "tools", "22.1.0")
    (folder / "tools" / "npm").write_text("#!/bin/sh\necho the disk is full\nexit 1\n")
    web = WebApp(env, sources, folder / "build")
    with pytest.raises(WebNotBuilt, match="the disk is full"):
        await web.bring_up_to_date(Output(StringIO()))
    assert not web.is_current


def test_a_path_without_node_has_none(tmp_path: Path) -> None:
    assert system_node({"PATH": str(tmp_path)}) is None
