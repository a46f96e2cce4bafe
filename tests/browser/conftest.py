"""One browser on a running system, in the sizes of a desk and of a phone.

Starting a browser takes longer than most tests here: all of them share one, and so one event loop.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, async_playwright, expect

from lingxi_local.output import Output
from lingxi_local.settings import minimal_environment
from lingxi_local.web import WebApp, WebNotBuilt
from tests.browser.programs import OPTIONS, chromium
from tests.browser.visitor import Visitor
from tests.e2e.client import NewUser, User, new_user
from tests.e2e.simulated import Model, model_of
from tests.fixtures.prerequisites import missing
from tests.fixtures.system import RunningSystem

STEP_MS_MAX = 60_000.0
"""The machine may be busy with other things."""
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Size:
    """A screen."""

    name: str
    width: int
    height: int
    touch: bool

    @property
    def is_phone(self) -> bool:
        """Whether one pane is shown at a time."""
        return self.touch


DESK = Size("desk", 1280, 800, touch=False)
PHONE = Size("phone", 390, 844, touch=True)

type NewContext = Callable[..., Awaitable[BrowserContext]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The loop of the browser for whatever uses it."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.asyncio(loop_scope="package"), append=False)


@pytest.fixture(scope="session")
def web_app() -> None:
    """The build is one of the sources here."""
    try:
        asyncio.run(WebApp(minimal_environment()).bring_up_to_date(Output(sys.stdout)))
    except WebNotBuilt as failure:
        missing(f"the web app's build ({str(failure).splitlines()[0]})")


@pytest.fixture(params=[DESK, PHONE], ids=lambda size: size.name)
def size(request: pytest.FixtureRequest) -> Size:
    """Each test in both."""
    chosen: Size = request.param
    return chosen


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser(web_app: None) -> AsyncIterator[Browser]:
    """The system's Chromium."""
    program = chromium()
    if program is None:
        missing("Chromium")
    expect.set_options(timeout=STEP_MS_MAX)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="package")
async def new_context(
    browser: Browser, system: RunningSystem, size: Size
) -> AsyncIterator[NewContext]:
    """Browsers with a storage of their own: `await new_context(locale="zh-CN")`."""
    async with AsyncExitStack() as stack:

        async def context(**options: object) -> BrowserContext:
            defaults: dict[str, object] = {
                "base_url": system.base_url,
                "viewport": {"width": size.width, "height": size.height},
                "has_touch": size.touch,
                "locale": "en-US",
                "timezone_id": "Europe/Berlin",
            }
            made = await browser.new_context(**{**defaults, **options})  # pyright: ignore[reportArgumentType]
            made.set_default_timeout(STEP_MS_MAX)
            stack.push_async_callback(made.close)
            return made

        yield context


@pytest_asyncio.fixture(loop_scope="package")
async def users(system: RunningSystem) -> AsyncIterator[NewUser]:
    """Makes users, by the API."""
    async with AsyncExitStack() as stack:
        yield lambda: stack.enter_async_context(new_user(system.base_url))


@pytest_asyncio.fixture(loop_scope="package")
async def user(users: NewUser) -> User:
    """Somebody new."""
    return await users()


@pytest_asyncio.fixture(loop_scope="package")
async def visitor(new_context: NewContext, user: User) -> Visitor:
    """The user, logged in, at a page that isn't opened yet."""
    context = await new_context()
    return await Visitor.logged_in(context, user)


@pytest_asyncio.fixture(loop_scope="package")
async def model(system: RunningSystem) -> AsyncIterator[Model]:
    """The simulated model, without faults."""
    async with model_of(system.simulator_url) as simulated:
        yield simulated
