"""Users, the simulated model, and systems with settings of their own."""

from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import AsyncExitStack, ExitStack

import httpx
import pytest

from lingxi_chassis.ids import new_id
from tests.e2e.client import NewUser, User, connection, new_user
from tests.e2e.simulated import Model, model_of
from tests.fixtures.servers import reachable_folder
from tests.fixtures.system import RunningSystem

SHOWN_CHARS_MAX = 20_000
"""How much of the systems' output a failed test shows."""

type NewSystem = Callable[..., RunningSystem]

_systems: dict[RunningSystem, int] = {}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "smollm2: needs the wheels of a small real model")


@pytest.fixture(scope="session")
def new_system() -> Iterator[NewSystem]:
    """Starts systems with settings of their own: `new_system(REPLY_WAIT_SECONDS="1")`."""
    with ExitStack() as stack:

        def start(**env: str) -> RunningSystem:
            folder = stack.enter_context(reachable_folder())
            system = RunningSystem(folder / "data", env=env)
            _systems[system] = 0
            return stack.enter_context(system)

        yield start


@pytest.fixture(scope="session")
def system(system: RunningSystem) -> RunningSystem:
    """The system of the run, whose output failed tests show."""
    _systems[system] = len(system.output)
    return system


@pytest.fixture
async def http(system: RunningSystem) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody without a token."""
    async with connection(system.base_url) as client:
        yield client


@pytest.fixture
async def users(system: RunningSystem) -> AsyncIterator[NewUser]:
    """Makes users."""
    async with AsyncExitStack() as stack:
        yield lambda: stack.enter_async_context(new_user(system.base_url))


@pytest.fixture
async def user(users: NewUser) -> User:
    """Somebody new."""
    return await users()


@pytest.fixture
async def model(system: RunningSystem) -> AsyncIterator[Model]:
    """The simulated model, without faults."""
    async with model_of(system.simulator_url) as simulated:
        yield simulated


@pytest.fixture
def marker() -> str:
    """A text that occurs nowhere else."""
    return f"marker-{new_id()}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None]:
    """Remember what the systems had said before a test."""
    for system in _systems:
        _systems[system] = len(system.output)
    yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what the systems said meanwhile."""
    report = yield
    if report.failed:
        for number, (system, before) in enumerate(_systems.items()):
            if said := system.output[before:]:
                report.sections.append((f"system {number}", said[-SHOWN_CHARS_MAX:]))
    return report
