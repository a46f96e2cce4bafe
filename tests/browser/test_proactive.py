"""A companion that writes first: told to those who want to be told, marked, and asked why."""

from playwright.async_api import BrowserContext, Page, expect

from tests.browser.conftest import NewContext, Size
from tests.browser.screens import Screens
from tests.browser.visitor import Visitor
from tests.e2e.client import User
from tests.e2e.silence import silence
from tests.fixtures.system import RunningSystem
from tests.fixtures.waiting import eventually

ELSEWHERE = """(() => {
    window.told = [];
    window.Notification = class extends Notification {
        constructor(title, options) {
            super(title, options);
            window.told.push(options.body);
        }
    };
    Object.defineProperty(document, 'visibilityState', { get: () => 'hidden' });
})()"""
"""Nobody looks at the page; what notifications say is kept."""
TALK = ("Hello!", "I am learning to play the cello.", "It is louder than I thought.")


async def waiting(context: BrowserContext, user: User) -> Page:
    """A tab that nobody looks at, at the settings' notifications."""
    await context.add_init_script(ELSEWHERE)
    page = (await Visitor.logged_in(context, user)).page
    await page.goto("/settings")
    return page


async def test_a_message_of_its_own_accord(
    new_context: NewContext, visitor: Visitor, system: RunningSystem, size: Size
) -> None:
    user = visitor.user
    session = (await visitor.session(proactive_behavior="aggressive"))["id"]
    for text in TALK:
        await user.say(text, session_id=session)
    allowing = await waiting(await new_context(permissions=["notifications"]), user)
    denying = await waiting(await new_context(), user)
    watched = await new_context(permissions=["notifications"])
    await (await Visitor.logged_in(watched, user)).page.goto("/")
    beside = await waiting(watched, user)
    for page in (allowing, beside, denying):
        await page.get_by_role("switch", name="Tell me when a companion writes first").click()
    await expect(allowing.get_by_role("switch", checked=True)).to_be_visible()
    await expect(denying.get_by_text("The browser does not allow it")).to_be_visible()
    await expect(denying.get_by_role("switch", checked=False)).to_be_visible()

    message = await silence(system, user, session)
    for page in (allowing, beside, denying):
        await expect(page).to_have_title("(1) Lingxi")
    await allowing.wait_for_function("window.told.length > 0")
    assert await allowing.evaluate("window.told") == [message["message"][:140]]
    assert await denying.evaluate("window.told") == []
    assert await beside.evaluate("window.told") == []  # another tab is looked at

    reasons: list[str] = []

    async def is_decided() -> bool:  # the message is there before the decision is settled
        decisions = (await user.get(f"/api/sessions/{session}/proactive/"))["results"]
        reasons[:] = [one["reason"] for one in decisions if one.get("message_id") == message["id"]]
        return bool(reasons)

    await eventually(is_decided)
    await visitor.opens(session)
    first = visitor.answers.last
    await expect(first).to_contain_text("Mira wrote first")
    await first.get_by_role("button", name="Why now?").click()
    why = visitor.page.get_by_role("dialog")
    await expect(why.get_by_text("Wrote ·")).to_be_visible()
    await expect(why).to_contain_text(reasons[0])
    await Screens(visitor.page, size.name).take("why-now")
    for page in (allowing, denying):  # it was read
        await expect(page).to_have_title("Lingxi")
