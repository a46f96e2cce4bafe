"""The chat: what is said, while it is said and afterwards."""

import re

from playwright.async_api import expect

from tests.browser.visitor import Visitor
from tests.e2e.simulated import Model

SLOW_MS = 500.0
STORY = "Tell me a long story about tea"
WATCH_TYPING = """
    globalThis.typedBetween = false;
    new MutationObserver(() => {
        const said = document.querySelector('li[data-key][data-from="agent"]');
        const types = document.querySelector('[role="img"][aria-label="Mira is typing"]');
        typedBetween ||= said !== null && types !== null;
    }).observe(document.body, { childList: true, subtree: true });
"""
"""What is shown for a second only may be gone before one looks."""


async def test_it_is_said_that_one_talks_to_an_ai_and_which_model(visitor: Visitor) -> None:
    session = await visitor.begins()
    notice = (await visitor.user.session(session))["notice"]
    await expect(visitor.page.get_by_text(notice, exact=True)).to_be_visible()
    simulated = visitor.page.get_by_text("These answers come from a small simulator")
    await expect(simulated).to_be_visible()


async def test_words_appear_as_they_come_and_can_be_stopped(visitor: Visitor, model: Model) -> None:
    await visitor.begins()
    await model.fails(do="slow", delay_ms=SLOW_MS, contains=STORY)
    await visitor.says(STORY)
    live = visitor.page.locator("li[data-live]").first
    await expect(live).to_contain_text(re.compile(r"\w+"))
    first = (await live.inner_text()).strip()
    await expect(live).not_to_have_text(first)
    assert (await live.inner_text()).startswith(first)
    await visitor.page.get_by_role("button", name="Stop").click()
    await expect(visitor.page.get_by_role("button", name="Stop")).to_have_count(0)
    await expect(visitor.answers).to_have_count(1)
    assert first in await visitor.answers.inner_text()


async def test_an_answer_that_is_stopped_before_a_word_says_so(
    visitor: Visitor, model: Model
) -> None:
    await visitor.begins()
    rule = await model.fails(do="hang", seconds=600, contains="Take your time")
    await visitor.says("Take your time")
    await model.asked("Take your time")
    await visitor.page.get_by_role("button", name="Stop").click()
    stopped = visitor.page.get_by_role("alert")
    await expect(stopped).to_contain_text("You stopped this answer.")
    await visitor.page.reload()
    await expect(stopped).to_contain_text("You stopped this answer.")
    await model.recovers(rule)
    await stopped.get_by_role("button", name="Try again").click()
    await expect(visitor.answers.first).to_be_visible()
    await expect(stopped).to_have_count(0)


async def test_bubbles_come_in_their_rhythm_with_typing_between(visitor: Visitor) -> None:
    await visitor.begins()
    await visitor.page.evaluate(WATCH_TYPING)
    await visitor.asks("Tell me in several messages about tea")
    assert await visitor.page.evaluate("typedBetween")


async def test_a_timer_that_rings_before_its_time_holds_no_bubble_back(visitor: Visitor) -> None:
    """Guards that `useRhythm` sets it at each look. Browsers cut parts of milliseconds off."""
    early = "const set = setTimeout; setTimeout = (ring, ms) => set(ring, Math.max(0, ms - 50))"
    await visitor.page.add_init_script(early)
    await visitor.begins()
    await visitor.asks("Tell me in several messages about tea")
    assert await visitor.answers.count() > 1


async def test_marks_say_sent_and_read(visitor: Visitor, model: Model) -> None:
    await visitor.begins()
    await visitor.asks("Hello")
    own = visitor.page.locator('li[data-key][data-from="user"]').first
    await expect(own.get_by_role("img", name="Read")).to_be_visible()


async def test_a_failed_turn_is_told_and_retried_in_place(visitor: Visitor, model: Model) -> None:
    await visitor.begins()
    rule = await model.fails(do="status", status=401, contains="Are you there?")
    await visitor.says("Are you there?")
    failed = visitor.page.get_by_role("alert")
    await expect(failed).to_contain_text("Mira could not answer.")
    await model.recovers(rule)
    await failed.get_by_role("button", name="Try again").click()
    await expect(visitor.answers.first).to_be_visible()
    await expect(failed).to_have_count(0)
    await expect(visitor.page.locator('li[data-key][data-from="user"]')).to_have_count(1)


async def test_another_answer_and_the_way_back_to_the_first(visitor: Visitor, model: Model) -> None:
    await visitor.begins()
    said = "What do you think?"
    await model.fails(do="raw", content="The first answer", contains=said, times=1)
    await model.fails(do="raw", content="The second answer", contains=said, times=1)
    await visitor.asks(said)
    await visitor.action(visitor.answers.last, "Another answer")
    await expect(visitor.answers).to_have_text([re.compile("The second answer")])
    await expect(visitor.page.get_by_text("2 of 2")).to_be_visible()
    await visitor.action(visitor.answers.last, "Earlier version")
    await expect(visitor.answers).to_contain_text("The first answer")
    await visitor.page.reload()
    await expect(visitor.answers).to_contain_text("The second answer")
    await expect(visitor.page.get_by_text("2 of 2")).to_be_visible()


async def test_the_last_message_in_other_words(visitor: Visitor) -> None:
    await visitor.begins()
    await visitor.asks("Good mornig")
    own = visitor.page.locator('li[data-key][data-from="user"]')
    await visitor.action(own.first, "Edit message")
    await expect(visitor.composer).to_have_value("Good mornig")
    await visitor.says("Good evening")
    await expect(own.filter(has_text="Good evening")).to_have_count(1)
    await expect(own).to_have_count(1)
    await expect(visitor.answers.first).to_contain_text("Good evening")


async def test_the_keyboard_alone(visitor: Visitor) -> None:
    await visitor.begins()
    await visitor.composer.focus()
    await visitor.page.keyboard.type("One line")
    await visitor.page.keyboard.press("Shift+Enter")
    await visitor.page.keyboard.type("and another")
    await visitor.page.keyboard.press("Enter")
    own = visitor.page.locator('li[data-key][data-from="user"] p').first
    await expect(own).to_have_text("One line\nand another", use_inner_text=True)
    await visitor.is_answered()
    await visitor.page.keyboard.press("ArrowUp")
    await expect(visitor.page.get_by_text("Editing your last message")).to_be_visible()
    await visitor.page.keyboard.press("Escape")
    await expect(visitor.composer).to_have_value("")
    spoken = visitor.page.get_by_test_id("spoken")
    await expect(spoken).to_contain_text("Mira says:")
    await expect(visitor.page.get_by_text("You are typing on another device")).to_have_count(0)
    assert await spoken.get_attribute("aria-live") == "polite"


async def test_each_conversation_keeps_its_draft(visitor: Visitor) -> None:
    first = await visitor.begins("Ann")
    await visitor.composer.fill("not yet finished")
    await visitor.begins("Ben")
    await expect(visitor.composer).to_have_value("")
    await visitor.opens(first)
    await expect(visitor.composer).to_have_value("not yet finished")


async def test_code_is_coloured(visitor: Visitor, model: Model) -> None:
    await visitor.begins()
    code = "So:\n\n```python\nreturn 'tea'\n```"
    await model.fails(do="raw", content=code, contains="Show me code", times=1)
    await visitor.asks("Show me code")
    keyword = visitor.answers.last.locator("pre .hljs-keyword")
    await expect(keyword).to_have_text("return")
    plain = await visitor.answers.last.locator("pre code").evaluate(
        "one => getComputedStyle(one).color"
    )
    assert await keyword.evaluate("one => getComputedStyle(one).color") != plain


async def test_a_message_can_be_copied(visitor: Visitor) -> None:
    await visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await visitor.begins()
    await visitor.asks("Copy this")
    own = visitor.page.locator('li[data-key][data-from="user"]').first
    await visitor.action(own, "Copy")
    await expect(visitor.page.get_by_text("Copied")).to_be_visible()
    assert await visitor.page.evaluate("navigator.clipboard.readText()") == "Copy this"


async def test_a_message_that_is_refused_says_why(visitor: Visitor) -> None:
    await visitor.begins()
    await visitor.composer.fill("x" * 32_001)
    await expect(visitor.page.get_by_text("1 characters too many")).to_be_visible()
    await expect(visitor.page.get_by_role("button", name="Send")).to_be_disabled()
