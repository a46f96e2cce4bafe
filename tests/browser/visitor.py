"""Somebody at a browser: what they see and do, in their words."""

import json
from dataclasses import dataclass
from typing import Self

from playwright.async_api import BrowserContext, Locator, Page, expect

from tests.e2e.client import Json, User

NAME = "Mira"
TOKENS = "lingxi.tokens"


@dataclass(frozen=True)
class Visitor:
    """A page of the web app, and whose it is."""

    page: Page
    user: User

    @classmethod
    async def logged_in(cls, context: BrowserContext, user: User) -> Self:
        """A new tab in a browser that keeps this user's login."""
        tokens = json.dumps({"access": user.access, "refresh": user.refresh})
        setting = f"localStorage.getItem({TOKENS!r}) ?? localStorage.setItem({TOKENS!r}, "
        # Once: a login that ends in the browser stays ended.
        once = "if (!sessionStorage.getItem('began')) { sessionStorage.setItem('began', '1'); "
        await context.add_init_script(f"{once}{setting}{json.dumps(tokens)}) }}")
        return cls(await context.new_page(), user)

    async def begins(self, name: str = NAME, **parameters: object) -> str:
        """Open a conversation with a new agent of this name; the session's id."""
        session = await self.session(name, **parameters)
        await self.opens(session["id"])
        return session["id"]

    async def session(self, name: str = NAME, **parameters: object) -> Json:
        """A new agent, and a conversation with it."""
        body = {"name": name, "parameters": parameters}
        agent = await self.user.send("POST", "/api/agents/", body, 201)
        made = {"agent_configuration": agent["id"]}
        return await self.user.send("POST", "/api/sessions/", made, 201)

    async def opens(self, session_id: str) -> None:
        """Go to a conversation, and wait until it can be written in."""
        await self.page.goto(f"/c/{session_id}")
        await expect(self.composer).to_be_visible()

    @property
    def composer(self) -> Locator:
        """Where one writes."""
        return self.page.get_by_role("textbox", name="Message ")

    @property
    def list(self) -> Locator:
        """The conversations."""
        return self.page.get_by_role("navigation", name="Conversations")

    @property
    def messages(self) -> Locator:
        """Every message that is recorded, in order."""
        return self.page.locator("li[data-key]")

    @property
    def answers(self) -> Locator:
        """Those of the agent."""
        return self.page.locator('li[data-key][data-from="agent"]')

    @property
    def scroller(self) -> Locator:
        """What scrolls the messages."""
        return self.page.locator("section:has(> ol)")

    async def says(self, text: str) -> None:
        """Write and send it."""
        await self.composer.fill(text)
        await self.composer.press("Enter")

    async def asks(self, text: str) -> None:
        """Say it and wait until the answer is complete."""
        before = await self.answers.count()
        await self.says(text)
        await expect(self.answers.nth(before)).to_be_visible()
        await self.is_answered()

    async def is_answered(self) -> None:
        """Wait until nobody is typing any more."""
        await expect(self.page.get_by_role("button", name="Another answer")).to_be_visible()

    async def action(self, message: Locator, name: str) -> None:
        """What is done with a message: its button may show on hovering only."""
        await message.hover()
        await message.get_by_role("button", name=name).click()
