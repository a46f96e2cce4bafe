"""Accounts: from the first visit to the last."""

import json

from playwright.async_api import Page, expect

from lingxi_chassis.ids import new_id
from tests.browser.conftest import NewContext
from tests.browser.visitor import TOKENS, Visitor
from tests.e2e.client import PASSWORD, NewUser, User

CLICKS_MAX = 4
TYPED_FIELDS_MAX = 2
"""Besides the account."""
COUNT_CLICKS = "addEventListener('click', () => window.clicks = (window.clicks ?? 0) + 1, true)"


async def fill_account(page: Page, username: str, password: str = PASSWORD) -> None:
    await page.get_by_label("User name").fill(username)
    await page.get_by_label("Password", exact=True).fill(password)


async def test_a_first_visit_leads_to_an_answer_in_a_few_clicks(new_context: NewContext) -> None:
    page = await (await new_context()).new_page()
    await page.add_init_script(COUNT_CLICKS)
    await page.goto("/")
    await page.get_by_role("button", name="Create account").click()
    await expect(page.get_by_label("User name")).to_have_attribute("maxlength", "150")
    await fill_account(page, f"ada {new_id()}")
    await page.get_by_role("button", name="Create account").click()
    await expect(page.get_by_role("button", name="Talk to")).to_have_count(3)
    await page.get_by_role("button", name="Talk to Theo").click()
    await page.get_by_role("textbox", name="Message Theo").fill("Good morning!")
    await page.keyboard.press("Enter")
    answer = page.locator('li[data-key][data-from="agent"]').first
    await expect(answer).to_contain_text("Theo")
    typed_fields = 1  # the message
    assert typed_fields <= TYPED_FIELDS_MAX
    assert await page.evaluate("window.clicks") <= CLICKS_MAX


async def test_a_wrong_password_is_told_and_a_right_one_stays(
    new_context: NewContext, user: User
) -> None:
    page = await (await new_context()).new_page()
    await page.goto("/")
    await fill_account(page, user.username, "not the password")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("alert")).to_contain_text("wrong")
    await fill_account(page, user.username)
    await page.get_by_role("button", name="Log in").click()
    welcome = page.get_by_role("heading", name="Who would you like to talk to?")
    await expect(welcome).to_be_visible()
    await page.reload()
    await expect(welcome).to_be_visible()


async def test_a_taken_name_is_told(new_context: NewContext, user: User) -> None:
    page = await (await new_context()).new_page()
    await page.goto("/")
    await page.get_by_role("button", name="Create account").click()
    await fill_account(page, user.username)
    await page.get_by_role("button", name="Create account").click()
    await expect(page.get_by_role("alert")).to_have_text("This name is taken.")


async def test_logging_out_ends_every_tab(visitor: Visitor) -> None:
    await visitor.page.goto("/settings")
    other = await visitor.page.context.new_page()
    await other.goto("/")
    await expect(other.get_by_role("heading", name="Who would you like")).to_be_visible()
    await visitor.page.get_by_role("button", name="Log out", exact=True).click()
    for page in (visitor.page, other):
        await expect(page.get_by_role("button", name="Log in")).to_be_visible()


async def test_who_logs_in_next_sees_nothing_of_who_was_there(
    visitor: Visitor, users: NewUser
) -> None:
    """Guards the cache of each user, also where this tab never sees that nobody is logged in."""
    await visitor.session("Ann")
    other = await visitor.page.context.new_page()
    for page in (visitor.page, other):
        await page.goto("/")
    conversation = visitor.list.get_by_text("Conversation with Ann")
    await expect(conversation).to_be_visible()
    await visitor.page.route("**/api/sessions/?*", lambda route: route.abort())
    stranger = await users()
    tokens = json.dumps({"access": stranger.access, "refresh": stranger.refresh})
    swap = f"localStorage.setItem({TOKENS!r}, {tokens!r})"
    async with visitor.page.expect_request("**/api/events/"):
        await other.evaluate(swap)
    await expect(conversation).to_have_count(0)


async def test_logging_out_everywhere_ends_other_devices(
    visitor: Visitor, new_context: NewContext
) -> None:
    elsewhere = await (await new_context()).new_page()
    await elsewhere.goto("/")
    await fill_account(elsewhere, visitor.user.username)
    await elsewhere.get_by_role("button", name="Log in").click()
    await expect(elsewhere.get_by_role("heading", name="Who would you like")).to_be_visible()
    await visitor.page.goto("/settings")
    await visitor.page.get_by_role("button", name="Log out everywhere").click()
    await expect(visitor.page.get_by_role("button", name="Log in")).to_be_visible()
    await expect(elsewhere.get_by_role("button", name="Log in")).to_be_visible()


async def test_an_access_token_that_has_ended_is_renewed(visitor: Visitor) -> None:
    ended = {"access": "ended", "refresh": visitor.user.refresh}
    await visitor.page.add_init_script(
        "if (!sessionStorage.getItem('renews')) { sessionStorage.setItem('renews', '1');"
        f" localStorage.setItem('lingxi.tokens', JSON.stringify({ended})) }}"
    )
    await visitor.page.goto("/")
    await expect(visitor.page.get_by_role("heading", name="Who would you like")).to_be_visible()
