"""Looking at a screen: pictures for people, and what axe finds, in light and in dark.

The pictures lie in `artefacts/browser/`. No page may be wider than its screen, and axe may find
nothing serious on it.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Page

from lingxi_local.web import SOURCES
from tests.fixtures.prerequisites import missing

type Scheme = Literal["light", "dark"]

ARTEFACTS = Path(__file__).parents[2] / "artefacts" / "browser"
AXE = SOURCES / "node_modules" / "axe-core" / "axe.min.js"
TOO_WIDE = """
    [...document.querySelectorAll('html, main div, main section, [role=dialog]')]
        .filter((one) => one.tagName === 'HTML' || getComputedStyle(one).overflowY === 'auto')
        .reduce((most, one) => Math.max(most, one.scrollWidth - one.clientWidth), 0)
"""
"""By how much the page, or what scrolls up and down in it, is wider than its place."""
RUN_AXE = """
    axe.run({resultTypes: ['violations']}).then((found) => JSON.stringify(found.violations))
"""
HIDDEN_PX = """
    [...document.querySelectorAll('main *')]
        .filter((one) => getComputedStyle(one).overflowY === 'auto')
        .reduce((most, one) => Math.max(most, one.scrollHeight - one.clientHeight), 0)
"""
"""How much of what scrolls is out of sight."""
STILL = """
    async (scheme) => {
        const frame = () => new Promise(requestAnimationFrame);
        while (document.documentElement.dataset.mantineColorScheme !== scheme) await frame();
        await frame();
        await frame(); // its transitions have begun
        const ends = document.getAnimations()
            .filter((one) => one.effect.getTiming().iterations === 1);
        await Promise.all(ends.map((one) => one.finished.catch(() => undefined)));
    }
"""
"""What fades in, or changes with the scheme, has the contrast of its end only there."""


class Screens:
    """Takes the pictures of one page; `name` says whose."""

    def __init__(
        self, page: Page, name: str, schemes: Sequence[Scheme] = ("light", "dark")
    ) -> None:
        self._page = page
        self._name = name
        self._schemes = schemes

    async def take(self, screen: str) -> None:
        """A picture in each scheme, and a look by axe."""
        page = self._page
        for scheme in self._schemes:
            await page.emulate_media(color_scheme=scheme)
            await page.evaluate("document.fonts.ready")
            await page.evaluate(STILL, scheme)
            path = ARTEFACTS / f"{screen}-{self._name}-{scheme}.png"
            await page.screenshot(path=path, animations="disabled")
            assert await page.evaluate(TOO_WIDE) <= 0, screen
            found = await violations(page)
            assert not found, (screen, scheme, found)

    async def take_whole(self, screen: str) -> None:
        """The same of a page that scrolls, on a screen as high as it is long."""
        usual = self._page.viewport_size
        assert usual is not None
        height = usual["height"] + await self._page.evaluate(HIDDEN_PX)
        await self._page.set_viewport_size({"width": usual["width"], "height": height})
        await self.take(screen)
        await self._page.set_viewport_size(usual)


async def violations(page: Page) -> list[str]:
    """What axe finds serious or critical on the page."""
    if not await page.evaluate("'axe' in window"):
        if not AXE.exists():
            missing("axe-core (npm)")
        # Into the page's world past its policy: a test may.
        await page.evaluate(AXE.read_text())
    found: list[dict[str, Any]] = json.loads(await page.evaluate(RUN_AXE))
    return [
        f"{one['id']}: {node['html']} {node['failureSummary']}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
