"""What was said and not sent yet: never lost, and sent by whoever said it alone."""

import asyncio
import json
import re

from playwright.async_api import Page, Request, Route, expect

from tests.browser.visitor import TOKENS, Visitor
from tests.e2e.client import NewUser, User
from tests.fixtures.waiting import eventually

SENT = re.compile("Sent|Read")


async def said(visitor: Visitor, session_id: str) -> list[str]:
    """What the user said there, as it was recorded."""
    messages = await visitor.user.messages(session_id)
    return [one["message"] for one in messages if one["is_user"]]


async def logs_in_elsewhere(page: Page, user: User, access: str = "") -> None:
    """This browser has another login from now on, as by another tab of it."""
    tokens = json.dumps({"access": access or user.access, "refresh": user.refresh})
    await page.evaluate(f"localStorage.setItem({TOKENS!r}, {json.dumps(tokens)})")


async def test_a_renewal_that_fails_for_now_ends_nothing(visitor: Visitor) -> None:
    """Guards `renew`: only a 401 says that a login has ended."""
    session = await visitor.begins()
    page, offline = visitor.page, visitor.page.get_by_text("Offline. Reconnecting")
    statuses: list[int] = []

    async def refuse(route: Route) -> None:
        statuses.append((500, 503, 429)[len(statuses) % 3])
        await route.fulfill(status=statuses[-1], json={})

    await page.route("**/api/auth/refresh/", refuse)
    await page.context.set_offline(True)
    await expect(offline).to_be_visible()
    head, claims, _ = visitor.user.access.split(".")
    await logs_in_elsewhere(page, visitor.user, f"{head}.{claims}.ended")
    await visitor.says("Held back")
    await page.context.set_offline(False)
    await eventually(lambda: {500, 503, 429} <= set(statuses), seconds_max=60)
    own = page.locator('li[data-from="user"]')
    await expect(own).to_contain_text("Waiting for the connection")
    await page.unroute("**/api/auth/refresh/")
    await expect(own.get_by_role("img", name=SENT)).to_be_visible()
    await expect(offline).to_have_count(0)
    assert await said(visitor, session) == ["Held back"]


async def test_tabs_keep_what_one_another_said(visitor: Visitor) -> None:
    """Guards that a message has a place of its own in the browser's storage."""
    session = await visitor.begins()
    context = visitor.page.context
    other = Visitor(await context.new_page(), visitor.user)
    await other.opens(session)
    await context.set_offline(True)
    waiting = "Waiting for the connection"
    for tab, text in ((visitor, "From one tab"), (other, "From the other")):
        await tab.says(text)
        own = tab.page.locator('li[data-from="user"]').filter(has_text=text)
        await expect(own).to_contain_text(waiting)
    await expect(visitor.page.locator('li[data-from="user"]')).to_have_count(2)
    later = Visitor(await context.new_page(), visitor.user)
    for tab in (visitor, other):
        await tab.page.close()
    await context.set_offline(False)
    await later.opens(session)
    own = later.page.locator('li[data-from="user"]')
    await expect(own.get_by_role("img", name=SENT)).to_have_count(2)
    assert await said(later, session) == ["From one tab", "From the other"]


async def test_what_waits_is_sent_by_its_user_alone(visitor: Visitor, users: NewUser) -> None:
    """Guards the user in the outbox: who logs in next says nothing of it."""
    session, stranger = await visitor.begins(), Visitor(visitor.page, await users())
    page = visitor.page
    await page.context.set_offline(True)
    await visitor.says("Mine alone")
    own = page.locator('li[data-from="user"]').filter(has_text="Mine alone")
    await expect(own).to_contain_text("Waiting for the connection")
    posted: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith("/api/chat/"):
            posted.append(request.post_data or "")

    page.on("request", note)
    await logs_in_elsewhere(page, stranger.user)
    await page.context.set_offline(False)
    await stranger.begins("Lin")
    await stranger.asks("I am somebody else")
    assert ["Mine alone" in one for one in posted] == [False]
    await logs_in_elsewhere(page, visitor.user)
    await visitor.opens(session)
    await expect(own.get_by_role("img", name=SENT)).to_be_visible()
    assert await said(visitor, session) == ["Mine alone"]


async def test_the_same_words_once_more_are_a_message_of_their_own(visitor: Visitor) -> None:
    """Guards that a message is forgotten when it was accepted, not when one like it is there."""
    session = (await visitor.session())["id"]
    await visitor.user.say("ok", session_id=session)
    page = visitor.page
    loading = asyncio.Event()

    async def holds(route: Route) -> None:
        await loading.wait()
        await route.continue_()

    async def breaks(route: Route) -> None:
        await route.abort()

    await page.route("**/messages/?*", holds)
    await page.route("**/api/chat/", breaks)
    await visitor.opens(session)
    await visitor.says("ok")
    await expect(visitor.composer).to_have_value("")
    loading.set()
    await expect(page.locator('li[data-from="user"]')).to_have_count(2)
    await expect(page.locator("li[data-unsent]")).to_contain_text("Waiting for the connection")
    await page.unroute("**/api/chat/")
    await expect(page.locator('li[data-key][data-from="user"]')).to_have_count(2)
    assert await said(visitor, session) == ["ok", "ok"]
