"""One feed for all tabs, and a page that misses nothing whatever happens to its connection."""

import re
from datetime import UTC, datetime, timedelta

from playwright.async_api import Page, Request, Route, expect

from tests.browser.visitor import Visitor
from tests.e2e.simulated import Model
from tests.fixtures.system import RunningSystem
from tests.fixtures.waiting import eventually

SLOW_MS = 150.0
SUSPENDED_MS = 20_000
"""A tab that does not answer for so long is taken for suspended."""
LEAD = "([name, how]) => { navigator.locks.request(name, how, () => new Promise(() => {})) }"
HELLO_MS = 5_000
"""A tab asks the leader this often."""
DEAF_AT_TIMES = """
    globalThis.deaf = false;
    const Channel = BroadcastChannel;
    globalThis.BroadcastChannel = class extends Channel {
        set onmessage(hear) { super.onmessage = (event) => deaf || hear(event); }
    };
"""
STORY = "Tell me a long story about tea"
BACK_MS_MAX = 60_000.0
"""A service that was killed comes back within this, and the page with it."""


def feeds_of(*pages: Page) -> list[Request]:
    """The requests for a feed that these pages send from now on."""
    asked: list[Request] = []

    def note(request: Request) -> None:
        if "/api/events/" in request.url:
            asked.append(request)

    for page in pages:
        page.on("request", note)
    return asked


async def test_two_tabs_follow_one_feed_and_one_takes_over(visitor: Visitor) -> None:
    other = Visitor(await visitor.page.context.new_page(), visitor.user)
    asked = feeds_of(visitor.page, other.page)
    session = await visitor.begins()
    await other.opens(session)
    await visitor.asks("Hello, both of you")
    await expect(other.answers.first).to_be_visible()
    assert len(asked) == 1
    await visitor.page.close()
    await eventually(lambda: len(asked) == 2)
    assert "last-event-id" in asked[1].headers
    await other.asks("Still there?")
    await expect(other.page.locator('li[data-from="user"]')).to_have_count(2)


async def test_a_leader_that_does_not_answer_is_robbed(visitor: Visitor) -> None:
    """Guards that a tab which is suspended, and keeps the lead, does not leave the others deaf."""
    suspended = await blank(visitor)
    await suspended.evaluate(LEAD, [await lead_of(visitor), {}])
    await visitor.page.clock.install()
    session = await visitor.begins()
    asked = feeds_of(visitor.page)
    await visitor.page.clock.run_for(SUSPENDED_MS)
    await eventually(lambda: len(asked) == 1)
    await visitor.user.say("Is anybody here?", session_id=session)
    await expect(visitor.messages.first).to_contain_text("Is anybody here?")


async def test_a_leader_that_was_robbed_stands_in_line_again(visitor: Visitor) -> None:
    await visitor.page.clock.install()
    asked = feeds_of(visitor.page)
    session = await visitor.begins()
    await eventually(lambda: len(asked) == 1)
    thief = await blank(visitor)
    async with visitor.page.expect_event("requestfailed", lambda one: one == asked[0]):
        await thief.evaluate(LEAD, [await lead_of(visitor), {"steal": True}])
    await visitor.page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))  # and robs nobody
    await thief.close()
    await eventually(lambda: len(asked) == 2)
    await visitor.page.clock.resume()
    await visitor.user.say("Now it is you", session_id=session)
    await expect(visitor.page.get_by_text("Now it is you", exact=True)).to_be_visible()


async def blank(visitor: Visitor) -> Page:
    """A page of the same origin without the app."""
    page = await visitor.page.context.new_page()
    await page.goto("/.well-known/jwks.json")
    return page


async def lead_of(visitor: Visitor) -> str:
    """The lock of whoever follows the feed."""
    return f"lingxi.feed.{(await visitor.user.get('/api/me/'))['id']}"


async def test_a_tab_that_was_not_told_everything_catches_up(visitor: Visitor) -> None:
    """Guards the cursor in what a leader says of the feed."""
    session = await visitor.begins()
    other = Visitor(await visitor.page.context.new_page(), visitor.user)
    await other.page.clock.install()
    await other.page.add_init_script(DEAF_AT_TIMES)
    await other.opens(session)
    await visitor.asks("Hello, both of you")
    await expect(other.messages.first).to_contain_text("Hello, both of you")
    await other.page.evaluate("deaf = true")
    await visitor.asks("Did you hear that?")
    await other.page.evaluate("deaf = false")
    await other.page.clock.run_for(HELLO_MS)
    await expect(other.page.get_by_text("Did you hear that?", exact=True)).to_be_visible()


async def test_a_page_that_one_comes_back_to_begins_anew(visitor: Visitor) -> None:
    """Guards `pageshow`: not every browser gives a page that it kept its locks back."""
    await visitor.begins()
    asked = feeds_of(visitor.page)
    await visitor.page.evaluate(
        "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"
    )
    await eventually(lambda: len(asked) == 1)


async def test_a_message_from_another_device_appears(visitor: Visitor) -> None:
    session = await visitor.begins()
    await visitor.user.say("From my phone", session_id=session)
    await expect(visitor.messages.first).to_contain_text("From my phone")
    await expect(visitor.answers.first).to_be_visible()


async def test_what_is_written_offline_is_sent_when_the_connection_is_back(
    visitor: Visitor,
) -> None:
    session = await visitor.begins()
    await visitor.asks("Before the tunnel")
    await visitor.page.context.set_offline(True)
    await visitor.says("In the tunnel")
    own = visitor.page.locator('li[data-from="user"]').filter(has_text="In the tunnel")
    await expect(own).to_contain_text("Waiting for the connection")
    await visitor.page.context.set_offline(False)
    await expect(own.get_by_role("img", name=re.compile("Sent|Read"))).to_be_visible()
    await visitor.is_answered()
    said = [one["message"] for one in await visitor.user.messages(session) if one["is_user"]]
    assert said == ["Before the tunnel", "In the tunnel"]


async def test_an_idle_page_sees_that_it_is_offline_and_catches_up(visitor: Visitor) -> None:
    session = await visitor.begins()
    offline = visitor.page.get_by_text("Offline. Reconnecting")
    await visitor.page.context.set_offline(True)
    await expect(offline).to_be_visible()
    await visitor.user.say("While you were away", session_id=session)
    await visitor.page.context.set_offline(False)
    await expect(visitor.messages.first).to_contain_text("While you were away")
    await expect(visitor.answers.first).to_be_visible()
    await expect(offline).to_have_count(0)


async def test_a_limit_is_told_and_waited_for(visitor: Visitor) -> None:
    session = await visitor.begins()
    limited = visitor.page.get_by_text("That was a lot at once.")

    async def refuse(route: Route) -> None:
        told = {"status": 429, "code": "too_many_requests", "detail": "Too many requests."}
        await route.fulfill(status=429, headers={"Retry-After": "1"}, json=told)

    await visitor.page.route("**/api/chat/", refuse)
    await visitor.says("One")
    await visitor.says("too many")
    await expect(limited).to_be_visible()
    own = visitor.page.locator('li[data-from="user"]')
    await expect(own.last).to_contain_text("Goes out in a moment")
    await visitor.page.unroute("**/api/chat/")
    await expect(own.last.get_by_role("img", name=re.compile("Sent|Read"))).to_be_visible()
    await expect(limited).to_have_count(0)
    said = [one["message"] for one in await visitor.user.messages(session) if one["is_user"]]
    assert said == ["One", "too many"]


async def test_what_is_not_answered_is_told_or_asked_for_until_it_is(visitor: Visitor) -> None:
    await visitor.session()
    page = visitor.page
    statuses = [500]
    asked: list[str] = []

    async def refuse(route: Route) -> None:
        asked.append(route.request.url)
        told = {"status": statuses[-1], "code": "unknown", "detail": "Something broke."}
        await route.fulfill(status=statuses[-1], json=told)

    await page.route("**/api/sessions/?*", refuse)
    await page.goto("/")
    await expect(page.get_by_text("That did not work: Something broke.").first).to_be_visible()
    statuses.append(503)
    before = len(asked)
    await page.reload()
    await eventually(lambda: len(asked) > before + 1)
    await page.unroute("**/api/sessions/?*")
    await expect(visitor.list.get_by_role("link")).to_have_count(1)


async def test_the_gateway_is_killed_in_the_middle_of_a_reply(
    visitor: Visitor, model: Model, system: RunningSystem
) -> None:
    session = await visitor.begins()
    await model.fails(do="slow", delay_ms=SLOW_MS, contains=STORY)
    await visitor.says(STORY)
    await expect(visitor.page.locator("li[data-live]").first).to_contain_text(re.compile(r"\w+"))
    offline = visitor.page.get_by_text("Offline. Reconnecting")
    killing = system.kill("gateway")
    await killing
    await expect(visitor.answers.first).to_be_visible(timeout=BACK_MS_MAX)
    await expect(visitor.page.get_by_role("button", name="Another answer")).to_be_visible()
    await expect(offline).to_have_count(0)
    told = [one["message"] for one in await visitor.user.messages(session) if one["is_agent"]]
    shown = await visitor.answers.locator("p").all_inner_texts()
    assert "".join(shown).split() == "".join(told).split()
