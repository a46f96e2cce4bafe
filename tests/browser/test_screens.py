"""Every screen in both sizes, in light and dark, and once in Chinese, with what is hard to show."""

import re
from collections.abc import Mapping

import pytest
from playwright.async_api import expect

from tests.browser.conftest import NewContext, Size
from tests.browser.screens import Screens
from tests.browser.visitor import Visitor
from tests.e2e.client import User
from tests.e2e.simulated import Model

LONG_WORD = "Donaudampfschifffahrtsgesellschaftskapitänswitwenverein"
ODD_TEXTS = (
    "👩‍👩‍👧‍👦🏳️‍🌈 family, and a flag",
    "שלום, מה שלומך היום?",
    LONG_WORD * 4,
    "https://example.org/" + "a-very-long-path/" * 12,
)
FORMATTED = f"""\
Here is **a list**, and [a link](https://example.org):

1. one
2. two

```python
def greet(name: str) -> str:
    return f"Hello, {{name}}, {"and " * 30}"  # a long line
```

| tea | minutes |
| --- | --- |
| green | 2 |

> {LONG_WORD * 4}
"""


ENGLISH = {
    "name": f"Mira {LONG_WORD}",
    "personality": "You are Mira, a warm friend.",
    "grown": " You like tea.",
    "hello": "Hello! How are you?",
}
CHINESE = {
    "name": "米拉",
    "personality": "你是米拉，一位温暖细心的朋友。",
    "grown": "你喜欢茶。",
    "hello": "你好！今天过得怎么样？",
}


async def test_the_screens_before_a_login(new_context: NewContext, size: Size, user: User) -> None:
    context = await new_context(reduced_motion="reduce")
    page = await context.new_page()
    screens = Screens(page, size.name)
    await page.goto("/")
    await expect(page.get_by_role("button", name="Log in")).to_be_visible()
    await screens.take("login")
    await page.get_by_label("User name").fill(user.username)
    await page.get_by_label("Password", exact=True).fill("not the password")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await screens.take("login-refused")
    await page.get_by_role("button", name="Create account").click()
    await expect(page.get_by_role("alert")).to_have_count(0)
    await screens.take("register")


@pytest.mark.parametrize("words", [ENGLISH, CHINESE], ids=["english", "chinese"])
async def test_every_screen(
    new_context: NewContext, user: User, model: Model, size: Size, words: Mapping[str, str]
) -> None:
    chinese = words is CHINESE
    context = await new_context(
        locale="zh-CN" if chinese else "en-US",
        reduced_motion="reduce",
    )
    visitor = await Visitor.logged_in(context, user)
    page = visitor.page
    screens = (
        Screens(page, f"{size.name}-chinese", ("light",)) if chinese else Screens(page, size.name)
    )
    main = page.get_by_role("main")
    await page.goto("/")
    await expect(main.get_by_role("button")).to_have_count(4)
    html = page.locator("html")
    await expect(html).to_have_attribute("lang", "zh-CN" if chinese else "en")
    await screens.take("welcome")
    session = await _talk(visitor, model, words)
    await _of_a_chat(visitor, screens, session)
    agent = (await user.session(session))["agent_configuration"]
    for screen, path in (
        ("agents", "/agents"),
        ("agent-new", "/agents/new"),
        ("settings", "/settings"),
        ("not-found", f"/c/{agent}"),
        ("agent", f"/agents/{agent}"),
    ):
        await page.goto(path)
        await expect(main.get_by_role("button").first).to_be_visible()
        await expect(main.get_by_role("progressbar")).to_have_count(0)
        await screens.take_whole(screen)
    await main.get_by_role("button").last.click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await screens.take("delete")
    await page.keyboard.press("Escape")
    await page.get_by_role("tab").nth(1).click()
    await expect(page.get_by_role("article").first).to_be_visible()
    await screens.take("history")
    await page.get_by_role("tab").nth(2).click()
    await expect(page.get_by_role("tabpanel").locator("p")).to_be_visible()
    await screens.take("memories-none")


async def _of_a_chat(visitor: Visitor, screens: Screens, session: str) -> None:
    page = visitor.page
    await page.goto(f"/c/{session}")
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.locator("pre .hljs-keyword").first).to_be_visible()
    await screens.take("chat")
    await visitor.scroller.evaluate("element => element.scrollTop = 0")
    await expect(visitor.messages.first).to_be_in_viewport()
    await screens.take("chat-beginning")
    await page.locator("main header").get_by_role("button").last.click()
    await expect(page.get_by_role("menuitem")).to_have_count(4)
    await screens.take("chat-menu")
    await page.get_by_role("menuitem").nth(2).click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await screens.take("rename")
    await page.goto("/")
    await expect(page.get_by_role("navigation").get_by_role("link").first).to_be_visible()
    await screens.take("conversations")
    await page.get_by_role("searchbox").fill(LONG_WORD * 2)
    await expect(page.get_by_role("navigation").get_by_text(re.compile(LONG_WORD))).to_be_visible()
    await screens.take("nothing-found")
    await page.context.set_offline(True)
    await expect(
        page.get_by_role("status").filter(has_text=re.compile("Offline|离线"))
    ).to_be_visible()
    await screens.take("offline")
    await page.context.set_offline(False)


async def _talk(visitor: Visitor, model: Model, words: Mapping[str, str]) -> str:
    """A conversation with everything in it that may be hard to show; it ends in a failed turn."""
    user, personality = visitor.user, words["personality"]
    session = await visitor.session(words["name"], personality_prompt=personality)
    agent, id_ = session["agent_configuration"], session["id"]
    grown = {"personality_prompt": personality + words["grown"]}
    await user.send("PATCH", f"/api/agents/{agent}/personality/", grown)
    await user.say(words["hello"], session_id=id_)
    for text in ODD_TEXTS:
        await user.say(text, session_id=id_)
    rule = await model.fails(do="raw", content=FORMATTED, contains="Show me")
    await user.say("Show me everything", session_id=id_)
    await model.recovers(rule)
    rule = await model.fails(do="status", status=401, contains="And now?")
    await user.post_chat("And now?", session_id=id_)
    await model.recovers(rule)
    return id_
