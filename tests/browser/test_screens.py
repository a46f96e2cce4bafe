"""Every screen in both sizes, light and dark, and once in Chinese: pictures to look at.

They lie in `artefacts/browser/`. No page may be wider than its screen.
"""

from typing import Literal

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import ARTEFACTS, NewContext, Size
from tests.browser.visitor import Visitor
from tests.e2e.client import User
from tests.e2e.simulated import Model

type Look = Literal["light", "dark", "chinese"]

LONG_WORD = "Donaudampfschifffahrtsgesellschaftskapitänswitwenverein" * 4
ODD_TEXTS = (
    "👩‍👩‍👧‍👦🏳️‍🌈 family, and a flag",
    "שלום, מה שלומך היום?",
    LONG_WORD,
    "https://example.org/" + "a-very-long-path/" * 12,
)
FORMATTED = f"""\
Here is **a list**:

1. one
2. two

```python
def greet(name: str) -> str:
    return f"Hello, {{name}}, {"and " * 30}"  # a long line
```

| tea | minutes |
| --- | --- |
| green | 2 |

{LONG_WORD}
"""


class Screens:
    """Takes the pictures of one visitor."""

    def __init__(self, page: Page, name: str) -> None:
        self._page = page
        self._name = name

    async def take(self, screen: str) -> None:
        """A picture, once nothing moves; the page must fit."""
        await self._page.evaluate("document.fonts.ready")
        await self._page.screenshot(
            path=ARTEFACTS / f"{screen}-{self._name}.png", animations="disabled"
        )
        too_wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert await self._page.evaluate(too_wide) <= 0, screen


@pytest.mark.parametrize("look", ["light", "dark", "chinese"])
async def test_every_screen(
    new_context: NewContext, user: User, model: Model, size: Size, look: Look
) -> None:
    chinese = look == "chinese"
    scheme: Literal["light", "dark"] = "dark" if look == "dark" else "light"
    options = {"color_scheme": scheme, "locale": "zh-CN" if chinese else "en-US"}
    outside = await (await new_context(**options)).new_page()
    await outside.goto("/")
    await expect(
        outside.get_by_role("button", name="登录" if chinese else "Log in")
    ).to_be_visible()
    await Screens(outside, f"{size.name}-{look}").take("login")
    context = await new_context(**options, reduced_motion="reduce")
    visitor = await Visitor.logged_in(context, user)
    page = visitor.page
    screens = Screens(page, f"{size.name}-{look}")
    await page.goto("/")
    await expect(page.get_by_role("main").get_by_role("button")).to_have_count(4)
    await screens.take("welcome")
    session = await _talk(visitor, model, chinese)
    await page.goto(f"/c/{session}")
    await expect(page.locator("li[data-key]").last).to_be_visible()
    await screens.take("chat")
    await page.goto("/")
    await expect(page.get_by_role("navigation").get_by_role("link").first).to_be_visible()
    await screens.take("conversations")
    agent = (await user.session(session))["agent_configuration"]
    for screen, path in (
        ("agents", "/agents"),
        ("settings", "/settings"),
        ("not-found", f"/c/{agent}"),
        ("agent", f"/agents/{agent}"),
    ):
        await page.goto(path)
        await expect(page.get_by_role("main").get_by_role("button").first).to_be_visible()
        await screens.take(screen)
    await page.get_by_role("tab").nth(1).click()
    await expect(page.get_by_role("article").first).to_be_visible()
    await screens.take("history")
    await page.get_by_role("tab").nth(2).click()
    await screens.take("memories")


async def _talk(visitor: Visitor, model: Model, chinese: bool) -> str:
    """A conversation with everything in it that may be hard to show; it ends in a failed turn."""
    user = visitor.user
    name = "米拉" if chinese else f"Mira {LONG_WORD}"
    personality = "你是米拉，一位温暖细心的朋友。" if chinese else "You are Mira, a warm friend."
    session = (await visitor.session(name, personality_prompt=personality))["id"]
    agent = (await user.session(session))["agent_configuration"]
    await user.send(
        "PATCH",
        f"/api/agents/{agent}/",
        {"parameters": {"personality_prompt": personality + " You like tea." * 3}},
    )
    await user.say(
        "你好！今天过得怎么样？" if chinese else "Hello! How are you?", session_id=session
    )
    for text in ODD_TEXTS:
        await user.say(text, session_id=session)
    await model.fails(do="raw", content=FORMATTED, times=1, streamed=True)
    await user.say("Show me everything", session_id=session)
    rule = await model.fails(do="status", status=401)
    await user.post_chat("And now?", session_id=session)
    await model.recovers(rule)
    return session
