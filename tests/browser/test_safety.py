"""Nothing that somebody writes runs; what worries is answered with where to find help."""

from playwright.async_api import expect

from tests.browser.conftest import Size
from tests.browser.screens import Screens
from tests.browser.visitor import Visitor
from tests.e2e.simulated import Model

BAD = """\
<img src=x onerror=alert(1)> <script>alert(2)</script> [a link](javascript:alert(3))
![a picture](javascript:alert(4)) <a href="javascript:alert(5)">another</a>

| a | b |
| - | - |
| `<b onclick=alert(6)>` | [c](data:text/html,<script>alert(7)</script>) |
"""
NAUGHTY = "<img src=x onerror=alert(8)>"


async def test_what_users_and_models_write_does_nothing(visitor: Visitor, model: Model) -> None:
    dialogs: list[str] = []
    visitor.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    await model.fails(do="raw", content=BAD, contains="<script>")
    session = await visitor.begins(name=NAUGHTY, personality_prompt=BAD)
    await visitor.asks(BAD)
    chat = visitor.page.get_by_role("region", name="Messages")
    await expect(chat.get_by_text("<script>alert(2)</script>").first).to_be_visible()
    assert await chat.locator("img, script, [onclick], [onerror]").count() == 0
    for link in await chat.get_by_role("link").all():
        assert not (await link.get_attribute("href") or "").startswith(("javascript:", "data:"))
    await chat.get_by_text("a link").last.click()
    await visitor.user.send("PATCH", f"/api/sessions/{session}/", {"title": NAUGHTY})
    await visitor.page.goto("/")
    await expect(visitor.list.get_by_text(NAUGHTY)).to_be_visible()
    assert dialogs == []


async def test_no_script_runs_that_is_not_ours(visitor: Visitor) -> None:
    answer = await visitor.page.goto("/")
    assert answer is not None
    policy = (await answer.all_headers())["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["script-src"] == "'self'"
    assert rules["default-src"] == "'none'"
    refused = await visitor.page.evaluate(
        """() => new Promise((resolve) => {
            const heard = (event) => resolve(event.violatedDirective);
            addEventListener('securitypolicyviolation', heard);
            const script = document.createElement('script');
            script.textContent = 'window.ran = true';
            document.body.append(script);
        })"""
    )
    assert refused.startswith("script-src")
    assert await visitor.page.evaluate("window.ran") is None


async def test_a_message_that_worries_shows_where_to_find_help(
    visitor: Visitor, size: Size
) -> None:
    session = await visitor.begins()
    await visitor.says("I want to hurt myself")
    help_ = visitor.messages.first.get_by_role("complementary")
    await expect(help_).to_contain_text("I am an AI and cannot help as a person can.")
    link = help_.get_by_role("link", name="https://findahelpline.com")
    assert await link.get_attribute("rel") == "noopener noreferrer"
    await visitor.opens(session)
    await expect(link).to_be_visible()
    await visitor.is_answered()
    await Screens(visitor.page, size.name).take("safety")
