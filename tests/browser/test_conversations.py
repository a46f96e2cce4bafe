"""The list of conversations."""

import re

from playwright.async_api import Route, expect

from tests.browser.conftest import Size
from tests.browser.visitor import Visitor
from tests.e2e.client import new_user
from tests.fixtures.system import RunningSystem

UNDO_MS = 6_000


async def deletes(visitor: Visitor, name: str) -> None:
    """Delete the conversation with this agent; there is time to undo it."""
    item = visitor.list.get_by_role("listitem").filter(has_text=name)
    await item.hover()
    await item.get_by_role("button").click()
    await visitor.page.get_by_role("menuitem", name="Delete").click()
    await expect(item).to_have_count(0)


async def test_a_conversation_shows_title_last_line_and_what_is_unread(visitor: Visitor) -> None:
    session = await visitor.session()
    await visitor.user.say("Hello there", session_id=session["id"], mark_read=False)
    await visitor.page.goto("/")
    item = visitor.list.get_by_role("listitem").first
    await expect(item).to_contain_text("Conversation with Mira")
    last = (await visitor.user.messages(session["id"]))[-1]["message"]
    await expect(item).to_contain_text(last)
    unread = (await visitor.user.session(session["id"]))["unread_count"]
    await expect(item.get_by_label(f"{unread} unread")).to_be_visible()
    await expect(visitor.page).to_have_title(f"({unread}) Lingxi")
    await item.get_by_role("link").click()
    await expect(visitor.page.get_by_text("New messages")).to_be_visible()
    await expect(visitor.page).to_have_title("Lingxi")
    assert (await visitor.user.session(session["id"]))["unread_count"] == 0


async def test_the_order_is_by_activity_as_it_happens(visitor: Visitor) -> None:
    first = await visitor.session("Ann")
    await visitor.session("Ben")
    await visitor.page.goto("/")
    items = visitor.list.get_by_role("listitem")
    await expect(items.nth(0)).to_contain_text("Ben")
    await visitor.user.say("I am back", session_id=first["id"])
    await expect(items.nth(0)).to_contain_text("Ann")
    await expect(items).to_have_count(2)


async def test_search_and_rename(visitor: Visitor) -> None:
    await visitor.session("Ann")
    await visitor.session("Ben")
    await visitor.page.goto("/")
    items = visitor.list.get_by_role("listitem")
    await expect(items).to_have_count(2)
    await items.filter(has_text="Ann").hover()
    await items.filter(has_text="Ann").get_by_role("button").click()
    await visitor.page.get_by_role("menuitem", name="Rename").click()
    await visitor.page.get_by_label("Title").fill("Trip to Kyoto")
    await visitor.page.get_by_role("button", name="Save").click()
    await expect(items.filter(has_text="Trip to Kyoto")).to_be_visible()
    search = visitor.page.get_by_role("searchbox", name="Search conversations")
    await search.fill("kyoto")
    await expect(items).to_have_count(1)
    await search.fill("nowhere to be found")
    await expect(visitor.page.get_by_text("Nothing found for")).to_be_visible()
    other = (await visitor.session("Cleo"))["id"]
    await visitor.user.send("PATCH", f"/api/sessions/{other}/", {"title": "Back in Kyoto"})
    await search.fill("kyoto")
    await expect(items).to_have_count(2)


async def test_a_deletion_can_be_undone_and_is_sent_when_it_is_not(visitor: Visitor) -> None:
    session = await visitor.session("Ann")
    await visitor.page.clock.install()
    await visitor.page.goto("/")
    await deletes(visitor, "Ann")
    await visitor.page.get_by_role("button", name="Undo").click()
    await expect(visitor.list.get_by_role("listitem")).to_have_count(1)
    await visitor.user.session(session["id"])
    await deletes(visitor, "Ann")
    await visitor.page.clock.fast_forward(UNDO_MS)
    await visitor.user.gone(session["id"], seconds_max=30)


async def test_a_deletion_outlives_a_page_that_ends_without_a_word(visitor: Visitor) -> None:
    """Guards `resumeDeletions`: a phone may end a page that nobody looks at."""
    await visitor.session("Ben")
    session = await visitor.session("Ann")
    silent = "addEventListener('pagehide', (event) => event.stopImmediatePropagation())"
    await visitor.page.add_init_script(silent)
    await visitor.page.goto("/")
    await deletes(visitor, "Ann")
    await visitor.page.close()
    later = Visitor(await visitor.page.context.new_page(), visitor.user)
    await later.page.clock.install()
    await later.page.goto("/")
    await expect(later.list.get_by_role("listitem")).to_have_text(re.compile("Ben"))
    await later.page.clock.fast_forward(UNDO_MS)
    await visitor.user.gone(session["id"], seconds_max=30)


async def test_logging_out_leaves_no_deletion_undone(
    visitor: Visitor, system: RunningSystem
) -> None:
    """Guards `deleteAllNow`: the login that may delete ends before the time to undo it in."""
    session = await visitor.session("Ann")
    page = visitor.page
    await page.goto("/")
    await deletes(visitor, "Ann")
    await page.get_by_role("button", name="Menu").click()
    await page.get_by_role("menuitem", name="Log out").click()
    await expect(page.get_by_role("button", name="Log in")).to_be_visible()
    async with new_user(system.base_url, visitor.user.username) as again:
        await again.gone(session["id"])


async def test_a_new_conversation_with_any_agent(visitor: Visitor) -> None:
    await visitor.session("Ann")
    await visitor.session("Ben")
    await visitor.page.goto("/")
    await visitor.page.get_by_role("button", name="New conversation").click()
    await visitor.page.get_by_role("menuitem", name="Ben").click()
    await expect(visitor.page.get_by_role("textbox", name="Message Ben")).to_be_visible()
    assert (await visitor.user.get("/api/sessions/"))["count"] == 3


async def test_a_phone_shows_one_pane_at_a_time(visitor: Visitor, size: Size) -> None:
    await visitor.session()
    await visitor.page.goto("/")
    await visitor.list.get_by_role("link").first.click()
    await expect(visitor.composer).to_be_visible()
    await expect(visitor.list).to_be_visible(visible=not size.is_phone)
    if size.is_phone:
        await visitor.page.get_by_role("button", name="Back").click()
        await expect(visitor.list).to_be_visible()
        await expect(visitor.composer).not_to_be_visible()


async def test_a_conversation_that_is_not_there(visitor: Visitor) -> None:
    await visitor.page.goto("/c/01a203e2-68f2-75b6-a862-1ad8484928f1")
    await expect(visitor.page.get_by_text("There is nothing here")).to_be_visible()


async def test_a_conversation_that_is_deleted_elsewhere_while_it_is_looked_at(
    visitor: Visitor,
) -> None:
    """Guards `useSession` where the list does not hold it: it was asked for by itself."""
    session = await visitor.session()

    async def refuse(route: Route) -> None:
        await route.fulfill(status=422, json={"status": 422, "code": "unknown", "detail": "No."})

    await visitor.page.route("**/api/sessions/?*", refuse)
    await visitor.opens(session["id"])
    await visitor.user.send("DELETE", f"/api/sessions/{session['id']}/", {}, 204)
    await expect(visitor.page.get_by_text("There is nothing here")).to_be_visible()
    await expect(visitor.composer).to_have_count(0)
