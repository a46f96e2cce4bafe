"""The services, and the environment each is started with."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lingxi_local import http
from lingxi_local.child import Recipe
from lingxi_local.process import Command
from lingxi_local.settings import without_secrets

# A service stops gracefully well within this; longer and it is cut off, so that Ctrl-C never
# takes ten seconds.
STOP_SECONDS_MAX = 5.5


@dataclass(frozen=True)
class Service:
    """A service as deploy/ knows it: a module to start, and what it is given."""

    name: str
    # The Python package, `python -m <module>`.
    module: str
    has_database: bool = False
    # Where `python -m <module> migrate` has something to do.
    migrates: bool = False
    asks_model: bool = False
    is_public: bool = False


SERVICES: tuple[Service, ...] = (
    Service("agent", "lingxi_agent", has_database=True, migrates=True),
    Service("chat", "lingxi_chat", has_database=True, migrates=True, asks_model=True),
    Service("gateway", "lingxi_gateway", has_database=True, migrates=True, is_public=True),
    Service("summarizer", "lingxi_summarizer", asks_model=True),
    Service("scheduler", "lingxi_scheduler", has_database=True, migrates=True, asks_model=True),
)


@dataclass(frozen=True)
class Surroundings:
    """What all services are started into."""

    base_env: Mapping[str, str]
    public_port: int
    jwt_secret: str
    nats_urls: Mapping[str, str]
    database_urls: Mapping[str, str]
    model_env: Mapping[str, str]
    folder: Path


def service_env(service: Service, surroundings: Surroundings, internal_port: int) -> dict[str, str]:
    """The whole environment of one service: nothing of another's."""
    env = without_secrets(surroundings.base_env)
    env["NATS_URL"] = surroundings.nats_urls[service.name]
    env["LINGXI_INTERNAL_PORT"] = str(internal_port)
    env["LINGXI_LOCAL"] = "true"
    if service.has_database:
        env["DATABASE_URL"] = surroundings.database_urls[service.name]
    if service.asks_model:
        env |= surroundings.model_env
    elif "OPENAI_MODEL" in surroundings.model_env:  # a name to show, no secret
        env["OPENAI_MODEL"] = surroundings.model_env["OPENAI_MODEL"]
    if service.is_public:
        env["LINGXI_PORT"] = str(surroundings.public_port)
        keys = ("JWT_SECRET", "JWT_PRIVATE_KEY", "JWT_OTHER_KEYS")
        given = {
            name: surroundings.base_env[name] for name in keys if surroundings.base_env.get(name)
        }
        env |= given or {"JWT_SECRET": surroundings.jwt_secret}
    return env


def service_recipe(service: Service, surroundings: Surroundings, internal_port: int) -> Recipe:
    """How the supervisor runs one service."""

    async def ready() -> bool:
        return await http.answers(internal_port, "/health/ready")

    command = Command(
        argv=[sys.executable, "-m", service.module],
        env=service_env(service, surroundings, internal_port),
        cwd=surroundings.folder,
    )
    return Recipe(service.name, command, ready, STOP_SECONDS_MAX)
