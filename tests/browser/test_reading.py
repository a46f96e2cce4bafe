"""Reading: where it begins, what is new, on which day it was said."""

from datetime import UTC, datetime
from uuid import UUID

import psycopg
from playwright.async_api import expect

from tests.browser.test_weight import long_talk
from tests.browser.visitor import Visitor
from tests.e2e.simulated import Model
from tests.fixtures.system import RunningSystem
from tests.fixtures.waiting import eventually

LONG = "\n\n".join(f"Line {number}" for number in range(80))
"""Higher than any screen."""
EVERYTHING = "Tell me everything"
LATE_SCROLLING = """(() => {
    window.MessageChannel = class extends MessageChannel {
        constructor() {
            super();
            this.port1.addEventListener('message', () => {
                document.querySelector('section:has(> ol)')?.dispatchEvent(new Event('scroll'));
            });
        }
    };
})()"""
"""Before each task of React's, an event of a scrolling that was before."""

VERSIONS = """
    insert into messages (session_id, seq, message_id, user_id, author, sent_at, text,
                          turn_id, bubble, delay_ms, superseded_by)
    select session_id, seq + step, gen_random_uuid(), user_id, author, sent_at, text,
           turn_id, bubble, delay_ms, turn_id
    from messages, generate_series(1, 200) step
    where session_id = %(session)s and seq = %(last)s
"""
"""So many other versions of the last message, in more than one page."""


async def test_reading_begins_at_what_is_new_and_goes_on_to_the_end(
    visitor: Visitor, model: Model
) -> None:
    page = visitor.page
    session = (await visitor.session())["id"]
    await model.fails(do="raw", content=LONG, contains=EVERYTHING, times=1)
    await visitor.user.say(EVERYTHING, session_id=session, mark_read=False)
    unread = (await visitor.user.session(session))["unread_count"]
    await visitor.opens(session)
    await expect(page.get_by_text("New messages", exact=True)).to_be_in_viewport()
    await expect(page).to_have_title(f"({unread}) Lingxi")
    await page.get_by_role("button", name="Jump to the newest").click()
    await expect(page).to_have_title("Lingxi")
    assert (await visitor.user.session(session))["unread_count"] == 0


async def at_the_end_of_something_long(visitor: Visitor, model: Model) -> str:
    """A conversation that is higher than the screen, opened; the session's id."""
    session: str = (await visitor.session())["id"]
    await model.fails(do="raw", content=LONG, contains=EVERYTHING, times=1)
    await visitor.user.say(EVERYTHING, session_id=session)
    await visitor.opens(session)
    await expect(visitor.messages.last).to_be_in_viewport()
    return session


async def test_a_reader_further_up_is_told_what_comes_and_led_there(
    visitor: Visitor, model: Model
) -> None:
    session = await at_the_end_of_something_long(visitor, model)
    await visitor.scroller.evaluate("element => element.scrollTop = 0")
    await expect(visitor.messages.first).to_be_in_viewport()
    await visitor.user.say("From my phone", session_id=session, mark_read=False)
    jump = visitor.page.get_by_role("button", name="Jump to new messages")
    await expect(jump).to_be_visible()
    await expect(visitor.messages.first).to_be_in_viewport()
    await jump.click()
    await expect(visitor.messages.last).to_be_in_viewport()

    async def is_read() -> bool:
        return (await visitor.user.session(session))["unread_count"] == 0

    await eventually(is_read, 30)


async def test_a_reader_who_has_just_scrolled_up_stays_there(
    visitor: Visitor, model: Model
) -> None:
    """Guards `useMessageWindow` against what is drawn anew before it hears of the scrolling."""
    await at_the_end_of_something_long(visitor, model)
    draws = visitor.page.get_by_role("button", name="Edit message")
    await expect(draws).to_have_count(1)
    up = "([view, draws]) => { view.scrollTop = 0; draws.click(); }"
    await visitor.page.evaluate(
        up, [await visitor.scroller.element_handle(), await draws.element_handle()]
    )
    await expect(visitor.page.get_by_role("button", name="Jump to the newest")).to_be_visible()
    await expect(visitor.messages.first).to_be_in_viewport()


async def test_a_message_that_is_jumped_to_is_shown_whatever_scrolled_before(
    visitor: Visitor, system: RunningSystem
) -> None:
    """Guards `useMessageWindow`: older messages come first, and the end was scrolled to."""
    session = await long_talk(visitor, system, 100)
    first = (await visitor.user.messages(session))[0]["id"]
    await visitor.page.add_init_script(LATE_SCROLLING)
    await visitor.page.goto(f"/c/{session}?m={first}")
    await expect(visitor.page.locator("li[data-lit]")).to_be_in_viewport()


async def test_days_are_named(visitor: Visitor, system: RunningSystem) -> None:
    page = visitor.page
    session = (await visitor.session())["id"]
    for text in ("Long ago", "The day before", "Now"):
        await visitor.user.say(text, session_id=session)
    days = [datetime(2026, 3, day, 11, tzinfo=UTC) for day in (1, 9, 10)]
    url = system.local.servers.database_urls["chat"]
    turn: int = -1
    set_day = "update messages set sent_at = %(at)s where message_id = %(id)s"
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as chat:
        for message in await visitor.user.messages(session):
            turn += message["is_user"]
            await chat.execute(set_day, {"at": days[turn], "id": UUID(message["id"])})
    await page.clock.set_fixed_time(days[-1])
    await visitor.opens(session)
    for name in ("Sunday, March 1, 2026", "Yesterday", "Today"):
        await expect(page.get_by_text(name, exact=True)).to_be_visible()


async def test_pages_of_other_versions_do_not_hide_what_was_said_before(
    visitor: Visitor, system: RunningSystem
) -> None:
    """Guards that `useMessageWindow` loads on where nothing that came can be scrolled by."""
    session = (await visitor.session())["id"]
    await visitor.user.say("Hello", session_id=session)
    last = len(await visitor.user.messages(session))
    url = system.local.servers.database_urls["chat"]
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as chat:
        await chat.execute(VERSIONS, {"session": session, "last": last})
    await visitor.opens(session)
    await expect(visitor.messages).to_have_count(last)
    await expect(visitor.page.get_by_text("This is where it began.")).to_be_visible()
