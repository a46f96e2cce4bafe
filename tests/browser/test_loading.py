"""What cannot be loaded: it is said, nothing else is lost by it, and there is a way on."""

from playwright.async_api import Route, expect

from tests.browser.conftest import Size
from tests.browser.screens import Screens
from tests.browser.visitor import Visitor
from tests.e2e.simulated import Model

TRIED_AGAIN_MS = 1_000
"""React takes its time (300 ms) to look at what came for a part that it waits for."""


async def is_gone(route: Route) -> None:
    """What the gateway answers for a file of an older version of the app."""
    await route.fulfill(status=404)


async def test_a_page_of_an_older_version_is_loaded_anew(visitor: Visitor, size: Size) -> None:
    """Guards `ErrorBoundary`."""
    page = visitor.page
    await visitor.begins()
    settings = page.get_by_role("heading", name="Settings")
    await page.route("**/assets/SettingsPage-*.js", is_gone)
    await page.goto("/agents")
    if size.is_phone:
        await page.get_by_role("button", name="Back").click()
    await page.get_by_role("button", name="Menu").click()
    await page.get_by_role("menuitem", name="Settings").click()
    await expect(page.get_by_text("This page could not be shown.")).to_be_visible()
    await Screens(page, size.name).take("broken")
    await page.get_by_role("button", name="Back").click()
    await visitor.list.get_by_role("link").click()
    await expect(visitor.composer).to_be_visible()
    await page.go_back()
    await page.go_back()
    await page.unroute("**/assets/SettingsPage-*.js")
    await page.get_by_role("button", name="Reload").click()
    await expect(settings).to_be_visible()


async def test_code_is_plain_where_its_colours_cannot_be_loaded(
    visitor: Visitor, model: Model
) -> None:
    await visitor.page.route("**/assets/Code-*.js", is_gone)
    await visitor.begins()
    code = "So:\n\n```python\nreturn 'tea'\n```"
    await model.fails(do="raw", content=code, contains="Show me code", times=1)
    async with visitor.page.expect_response("**/assets/Code-*.js"):
        await visitor.asks("Show me code")
    await visitor.page.wait_for_timeout(TRIED_AGAIN_MS)
    await expect(visitor.answers.locator("pre code")).to_have_text("return 'tea'\n")
