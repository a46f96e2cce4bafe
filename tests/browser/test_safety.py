"""Nothing that somebody writes runs, and everybody can use every page."""

import json
from typing import Any

import pytest
from playwright.async_api import Page, expect

from lingxi_local.web import SOURCES
from tests.browser.visitor import Visitor
from tests.e2e.simulated import Model
from tests.fixtures.prerequisites import missing

AXE = SOURCES / "node_modules" / "axe-core" / "axe.min.js"
BAD = """\
<img src=x onerror=alert(1)> <script>alert(2)</script> [a link](javascript:alert(3))
![a picture](javascript:alert(4)) <a href="javascript:alert(5)">another</a>

| a | b |
| - | - |
| `<b onclick=alert(6)>` | [c](data:text/html,<script>alert(7)</script>) |
"""
NAUGHTY = "<img src=x onerror=alert(8)>"


async def test_what_users_and_models_write_does_nothing(visitor: Visitor, model: Model) -> None:
    dialogs: list[str] = []
    visitor.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    await model.fails(do="raw", content=BAD, streamed=True)
    session = await visitor.begins(name=NAUGHTY, personality_prompt=BAD)
    await visitor.asks(BAD)
    chat = visitor.page.get_by_role("region", name="Messages")
    await expect(chat.get_by_text("<script>alert(2)</script>").first).to_be_visible()
    assert await chat.locator("img, script, [onclick], [onerror]").count() == 0
    for link in await chat.get_by_role("link").all():
        assert not (await link.get_attribute("href") or "").startswith(("javascript:", "data:"))
    await chat.get_by_text("a link").last.click()
    await visitor.user.send("PATCH", f"/api/sessions/{session}/", {"title": NAUGHTY})
    await expect(visitor.list.get_by_text(NAUGHTY)).to_be_attached()
    assert dialogs == []


async def test_no_script_runs_that_is_not_ours(visitor: Visitor) -> None:
    answer = await visitor.page.goto("/")
    assert answer is not None
    policy = (await answer.all_headers())["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["script-src"] == "'self'"
    assert rules["default-src"] == "'none'"
    refused = await visitor.page.evaluate(
        """() => new Promise((resolve) => {
            const heard = (event) => resolve(event.violatedDirective);
            addEventListener('securitypolicyviolation', heard);
            const script = document.createElement('script');
            script.textContent = 'window.ran = true';
            document.body.append(script);
        })"""
    )
    assert refused.startswith("script-src")
    assert await visitor.page.evaluate("window.ran") is None


def axe() -> str:
    """The source of axe-core; npm brings it with what builds the web app."""
    if not AXE.exists():
        missing("axe-core (npm)")
    return AXE.read_text()


async def violations(page: Page) -> list[str]:
    """What axe finds serious or critical on the page."""
    # Into the page's world past its policy: a test may.
    await page.evaluate(axe())
    found: dict[str, Any] = json.loads(
        await page.evaluate("axe.run().then((found) => JSON.stringify(found))")
    )
    return [
        f"{one['id']}: {node['html']} {node['failureSummary']}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious(visitor: Visitor, model: Model, scheme: Any) -> None:
    page = visitor.page
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await page.goto("/")
    await expect(page.get_by_role("heading", name="Who would you like")).to_be_visible()
    found = {"welcome": await violations(page)}
    session = await visitor.begins(personality_prompt="You are a calm friend.")
    code = (
        "Look:\n\n```python\nprint('hi')  # a comment\n```\n\n> and [a link](https://example.org)"
    )
    await model.fails(do="raw", content=code, times=1, streamed=True)
    await visitor.asks("Show me **something**")
    found["chat"] = await violations(page)
    await model.fails(do="status", status=401, times=1)
    await visitor.says("And now?")
    await expect(page.get_by_role("alert")).to_be_visible()
    found["failed turn"] = await violations(page)
    await page.get_by_role("button", name="More", exact=True).click()
    await expect(page.get_by_role("menuitem", name="Rename")).to_be_visible()
    found["menu"] = await violations(page)
    agent = (await visitor.user.session(session))["agent_configuration"]
    for name, path, heading in (
        ("agents", "/agents", "Companions"),
        ("agent", f"/agents/{agent}", "Mira"),
        ("new agent", "/agents/new", "New companion"),
        ("settings", "/settings", "Settings"),
    ):
        await page.goto(path)
        await expect(page.get_by_role("heading", name=heading).first).to_be_visible()
        await expect(page.get_by_role("status").first).to_be_attached()
        found[name] = await violations(page)
    assert {name: told for name, told in found.items() if told} == {}
