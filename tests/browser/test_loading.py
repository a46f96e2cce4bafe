"""What cannot be loaded: it is said, nothing else is lost by it, and there is a way on."""

from http import HTTPStatus

from playwright.async_api import Route, expect

from tests.browser.conftest import Size
from tests.browser.screens import Screens
from tests.browser.test_weight import long_talk
from tests.browser.visitor import Visitor
from tests.e2e.simulated import Model
from tests.fixtures.system import RunningSystem

TRIED_AGAIN_MS = 1_000
"""React takes its time (300 ms) to look at what came for a part that it waits for."""


async def is_gone(route: Route) -> None:
    """What the gateway answers for a file of an older version of the app."""
    await route.fulfill(status=404)


async def breaks(route: Route) -> None:
    """What the gateway answers for what it did not foresee."""
    told = {"status": 500, "code": "internal", "detail": "Something broke."}
    await route.fulfill(status=500, json=told)


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


async def test_what_is_not_loaded_says_so_and_is_asked_for_again(
    visitor: Visitor, size: Size
) -> None:
    """Guards `Loading`."""
    page = visitor.page
    session = (await visitor.session())["id"]
    await visitor.user.say("Hello", session_id=session)
    await page.route("**/messages/?*", breaks)
    await visitor.opens(session)
    await expect(page.get_by_text("This could not be loaded.")).to_be_visible()
    await expect(page.get_by_role("status").filter(has_text="Something broke.")).to_be_visible()
    await Screens(page, size.name).take("not-loaded")
    await page.unroute("**/messages/?*")
    await page.get_by_role("button", name="Try again").click()
    await expect(visitor.messages.first).to_contain_text("Hello")


async def test_what_is_shown_stays_where_it_cannot_be_loaded_again(visitor: Visitor) -> None:
    await visitor.begins()
    await visitor.asks("Hello")
    page = visitor.page

    async def reset(route: Route) -> None:
        """A feed that says that something was missed."""
        await page.unroute("**/api/events/")
        lines = 'event: reset\ndata: {"event_id": null, "at": "2026-11-28T12:00:00Z"}\n\n'
        await route.fulfill(content_type="text/event-stream", body=lines)

    await page.route("**/messages/?*", breaks)
    await page.route("**/api/events/", reset)
    await page.context.set_offline(True)
    await page.context.set_offline(False)
    await expect(page.get_by_text("That did not work: Something broke.").first).to_be_visible()
    await expect(visitor.messages.first).to_contain_text("Hello")


async def test_older_messages_come_after_a_failure_without_another_scroll(
    visitor: Visitor, system: RunningSystem
) -> None:
    session = await long_talk(visitor, system, 200)
    await visitor.opens(session)
    await expect(visitor.messages.last).to_contain_text("99")
    failed: list[int] = []

    async def fails_once(route: Route) -> None:
        if failed:
            await route.continue_()
            return
        failed.append(HTTPStatus.SERVICE_UNAVAILABLE)
        await route.fulfill(status=failed[0], json={})

    await visitor.page.route("**/messages/?*before=*", fails_once)
    count = await visitor.messages.count()
    await visitor.scroller.evaluate("element => element.scrollTop = 0")
    await expect(visitor.messages).not_to_have_count(count)
    assert failed
