"""`python -m tests.browser.pictures`: takes the README's two pictures from the running product."""

import asyncio
import sys
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, async_playwright, expect

from lingxi_local.output import Output
from lingxi_local.settings import minimal_environment
from lingxi_local.web import WebApp
from tests.browser.programs import OPTIONS, chromium
from tests.browser.visitor import Visitor
from tests.e2e.client import User, new_user
from tests.e2e.simulated import Model, model_of
from tests.fixtures.servers import reachable_folder
from tests.fixtures.system import RunningSystem

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
SIZE = {"width": 1280, "height": 800}
TALK = (
    (
        "Morning! I finally signed up for the pottery class.",
        "You did it! You've been circling that one for weeks.\n<next>\nWhat made today the day?",
    ),
    (
        "Honestly? You asking about it every Sunday.",
        "Then I'll keep asking. **First question:** bowl or mug?",
    ),
    (
        "Mug. Obviously. For the terrible amounts of tea.",
        "A mug it is. Tell me how the first one collapses, they all do.",
    ),
)
FIRST = "You are Mira, a warm friend. You ask many questions and give detailed advice."
NOW = "You are Mira, a warm friend. You ask one question at a time and keep advice for later."


async def main() -> None:
    """Both pictures, on a system of their own."""
    await WebApp(minimal_environment()).bring_up_to_date(Output(sys.stdout))
    program = chromium()
    if program is None:
        sys.exit("pictures need Chromium")
    with reachable_folder() as folder, RunningSystem(folder / "data") as system:
        async with (
            new_user(system.base_url) as user,
            model_of(system.simulator_url) as model,
            async_playwright() as playwright,
        ):
            session = await _talk(user, model)
            browser = await playwright.chromium.launch(executable_path=program, args=OPTIONS)
            await _chat(browser, system, user, session["id"])
            await _history(browser, system, user, session["agent_configuration"])
            await browser.close()


async def _talk(user: User, model: Model) -> dict[str, str]:
    body = {"name": "Mira", "parameters": {"personality_prompt": FIRST}}
    agent = await user.send("POST", "/api/agents/", body, 201)
    for name in ("Theo", "Juno"):
        other = await user.send("POST", "/api/agents/", {"name": name}, 201)
        await user.say("Good evening!", agent_id=other["id"])
    made = {"agent_configuration": agent["id"]}
    session = await user.send("POST", "/api/sessions/", made, 201)
    for said, answer in TALK:
        await model.fails(do="raw", content=answer, contains=said, times=1)
        await user.say(said, session_id=session["id"])
    path = f"/api/agents/{agent['id']}/personality/"
    await user.send("PATCH", path, {"personality_prompt": NOW})
    await user.send("PATCH", f"/api/sessions/{session['id']}/", {"title": "Pottery and tea"})
    return session


async def _visit(
    browser: Browser, system: RunningSystem, user: User, scheme: Literal["light", "dark"]
) -> Visitor:
    context = await browser.new_context(
        base_url=system.base_url,
        viewport={"width": SIZE["width"], "height": SIZE["height"]},
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    return await Visitor.logged_in(context, user)


async def _chat(browser: Browser, system: RunningSystem, user: User, session: str) -> None:
    visitor = await _visit(browser, system, user, "light")
    await visitor.opens(session)
    await expect(visitor.answers.last).to_be_visible()
    await visitor.page.screenshot(path=FOLDER / "chat.png", animations="disabled")


async def _history(browser: Browser, system: RunningSystem, user: User, agent: str) -> None:
    visitor = await _visit(browser, system, user, "dark")
    await visitor.page.goto(f"/agents/{agent}")
    await visitor.page.get_by_role("tab", name="History").click()
    await expect(visitor.page.get_by_role("article").first).to_be_visible()
    await visitor.page.screenshot(path=FOLDER / "history.png", animations="disabled")


if __name__ == "__main__":
    asyncio.run(main())
