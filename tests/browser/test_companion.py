"""What a companion learns, how it would like to change, and why it wrote first: in the page."""

from playwright.async_api import expect

from lingxi_chassis.ids import new_id
from tests.browser.conftest import Size
from tests.browser.screens import Screens
from tests.browser.visitor import Visitor

WISH = "Please be shorter from now on."
"""What the simulator takes for a wish that changes a personality."""
TURNS = 12
LEARNED_MS_MAX = 120_000.0


async def test_memories_appear_are_edited_and_forgotten(visitor: Visitor, size: Size) -> None:
    page = visitor.page
    session = await visitor.session()
    marker = f"Biscuit{new_id().hex}"
    await page.goto(f"/agents/{session['agent_configuration']}")
    await page.get_by_role("tab", name="Memories").click()
    await expect(page.get_by_text("Nothing remembered yet")).to_be_visible()
    await visitor.user.say(f"My dog is called {marker}.", session_id=session["id"])
    for turn in range(6):
        await visitor.user.say(f"The weather, part {turn}.", session_id=session["id"])
    memory = page.get_by_role("article").filter(has_text=marker)
    await expect(memory).to_be_visible(timeout=LEARNED_MS_MAX)
    await Screens(page, size.name).take("memories")
    await memory.get_by_role("button", name="Edit memory").click()
    await page.get_by_role("textbox", name="Edit memory").fill(f"{marker} is a cat.")
    await page.get_by_role("button", name="Save").click()
    edited = page.get_by_role("article").filter(has_text="is a cat.")
    await expect(edited).to_be_visible()
    await edited.get_by_role("button", name="Delete").click()
    await expect(edited).to_have_count(0)


async def test_a_suggestion_is_edited_and_applied(visitor: Visitor, size: Size) -> None:
    page = visitor.page
    personality = "You are a calm friend."
    session = await visitor.begins(personality_prompt=personality, auto_apply_confidence=None)
    banner = page.get_by_role("region", name="Mira would like to grow")
    for turn in range(TURNS):
        text = WISH if turn % 2 == 0 else f"The weather, part {turn}."
        await visitor.user.say(text, session_id=session)
    await expect(banner).to_be_visible(timeout=LEARNED_MS_MAX)
    await expect(banner.locator("ins").first).to_be_visible()
    await expect(banner.get_by_text("% sure")).to_be_visible()
    await expect(banner).to_contain_text(WISH)
    await Screens(page, size.name).take("suggestion")
    await banner.get_by_role("button", name="Edit before applying").click()
    await banner.get_by_role("textbox", name="Personality").fill("You are a brief friend.")
    await banner.get_by_role("button", name="Apply").click()
    await expect(banner).to_have_count(0)
    agent = (await visitor.user.session(session))["agent_configuration"]
    now = await visitor.user.get(f"/api/agents/{agent}/")
    assert now["parameters"]["personality_prompt"] == "You are a brief friend."
    await page.goto(f"/agents/{agent}")
    await page.get_by_role("tab", name="History").click()
    newest = page.get_by_role("article").first
    await expect(newest).to_contain_text("Suggestion you applied")
    await newest.get_by_role("link", name="Message 1", exact=True).click()
    await expect(page.locator("li[data-lit]")).to_contain_text(WISH)
    await expect(page.locator("li[data-lit]")).to_be_in_viewport()


async def test_a_suggestion_is_dismissed(visitor: Visitor) -> None:
    session = await visitor.begins(
        personality_prompt="You are a calm friend.", auto_apply_confidence=None
    )
    banner = visitor.page.get_by_role("region", name="Mira would like to grow")
    for _ in range(TURNS):
        await visitor.user.say(WISH, session_id=session)
    await expect(banner).to_be_visible(timeout=LEARNED_MS_MAX)
    await banner.get_by_role("button", name="Dismiss").click()
    await expect(banner).to_have_count(0)


async def test_what_is_written_into_a_suggestion_outlives_it(visitor: Visitor) -> None:
    """Guards `hasLapsed`: any new version of the agent takes the suggestion away."""
    session = await visitor.begins(
        personality_prompt="You are a calm friend.", auto_apply_confidence=None
    )
    agent = (await visitor.user.session(session))["agent_configuration"]
    banner = visitor.page.get_by_role("region", name="Mira would like to grow")
    for _ in range(TURNS):
        await visitor.user.say(WISH, session_id=session)
    await expect(banner).to_be_visible(timeout=LEARNED_MS_MAX)
    await banner.get_by_role("button", name="Edit before applying").click()
    mine = banner.get_by_role("textbox", name="Personality")
    await mine.fill("You are a brief friend.")
    path, told = f"/api/agents/{agent}/personality/", "**/personality-suggestion/"
    async with visitor.page.expect_response(told):
        await visitor.user.send("PATCH", path, {"personality_prompt": "You are calm."})
    await expect(mine).to_have_value("You are a brief friend.")
    await banner.get_by_role("button", name="Apply").click()
    await expect(banner).to_have_count(0)
    now = await visitor.user.get(f"/api/agents/{agent}/")
    assert now["parameters"]["personality_prompt"] == "You are a brief friend."


async def test_the_log_of_decisions_opens(visitor: Visitor) -> None:
    await visitor.begins()
    await visitor.page.get_by_role("button", name="More", exact=True).click()
    await visitor.page.get_by_role("menuitem", name="When Mira thinks of writing").click()
    await expect(visitor.page.get_by_role("dialog")).to_contain_text("Nothing was decided yet.")
