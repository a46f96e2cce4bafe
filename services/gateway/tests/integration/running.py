"""The running services as seen from outside: users who talk to the gateway as any client does."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import jwt

from lingxi_agent import bootstrap as agent_bootstrap
from lingxi_agent.settings import Settings as AgentSettings
from lingxi_chassis.clock import utc_now
from lingxi_chassis.ids import new_id
from lingxi_chassis.process import Stop
from lingxi_chat import bootstrap as chat_bootstrap
from lingxi_chat.settings import Settings as ChatSettings
from lingxi_gateway import bootstrap
from lingxi_gateway.settings import Settings
from lingxi_simulator.faults import Rule
from lingxi_simulator.server import Running as Simulator, start as start_simulator

TIMEOUT_SECONDS = 30.0
PASSWORD = "correct horse"
MODEL = "simulated"


class User:
    """Somebody with an account, talking to the gateway as any client does."""

    def __init__(self, http: httpx.AsyncClient, user_id: UUID, access: str) -> None:
        self.http = http
        self.user_id = user_id
        self.headers = {"authorization": f"Bearer {access}"}

    async def request(
        self, method: str, path: str, status: int = 200, **options: Any
    ) -> httpx.Response:
        """One request that is answered with `status`."""
        headers = self.headers | options.pop("headers", {})
        answer = await self.http.request(method, path, headers=headers, **options)
        assert answer.status_code == status, answer.text
        return answer

    async def get(self, path: str, status: int = 200, **query: Any) -> Any:
        """The JSON of a GET."""
        return (await self.request("GET", path, status, params=query or None)).json()

    async def send(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """The JSON of another method; None for an answer without a body."""
        answer = await self.request(method, path, status, json=body)
        return answer.json() if answer.content else None

    async def say(
        self, message: str, status: int = 200, key: str | bytes | None = None, **more: Any
    ) -> Any:
        """The JSON of a chat request."""
        headers = {} if key is None else {"idempotency-key": key}
        body = {"message": message} | more
        return (await self.request("POST", "/api/chat/", status, json=body, headers=headers)).json()


@dataclass(frozen=True)
class Lingxi:
    """Three running services and their model, seen from outside."""

    http: httpx.AsyncClient
    simulator: Simulator
    nats_url: str
    stop_chat: Callable[[], Awaitable[None]]
    _settings: Mapping[str, object]
    _stop: Stop

    def fault(self, **rule: object) -> None:
        """The model misbehaves by this rule of the simulator's, behind those there are."""
        self.simulator.simulator.faults.add([Rule.model_validate(rule)])

    def heal(self) -> None:
        """No faults from now on; what hangs goes on."""
        self.simulator.simulator.faults.remove()

    def says(self, text: str = "Yes.") -> None:
        """The model says this; otherwise it says one thing or several, as it likes."""
        self.fault(do="raw", content=text)

    async def user(self, http: httpx.AsyncClient | None = None) -> User:
        """A new account, logged in."""
        name = f"user-{new_id()}"
        credentials = {"username": name, "password": PASSWORD}
        registered = await self.http.post("/api/auth/register/", json=credentials)
        assert registered.status_code == 201, registered.text
        login = await self.http.post("/api/auth/login/", json=credentials)
        user_id = UUID(registered.json()["id"])
        return User(http or self.http, user_id, login.json()["access"])

    def expiring(self, user: User, seconds: int) -> User:
        """The same login, by a token that ends soon."""
        secret = str(self._settings["JWT_SECRET"])
        token = user.headers["authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, secret, algorithms=["HS256"])
        claims["exp"] = int(utc_now().timestamp()) + seconds
        return User(user.http, user.user_id, jwt.encode(claims, secret, "HS256"))

    @asynccontextmanager
    async def replica(self, **settings: object) -> AsyncGenerator[httpx.AsyncClient]:
        """Another gateway with settings of its own, beside the first one."""
        own = Settings.model_validate(dict(self._settings) | settings)
        async with (
            bootstrap.serving(own, self._stop) as port,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=TIMEOUT_SECONDS) as http,
        ):
            yield http


@asynccontextmanager
async def running_lingxi(nats_url: str, databases: Sequence[str]) -> AsyncGenerator[Lingxi]:
    """The services on databases of their own: of agent, chat and gateway."""
    simulator = await start_simulator()
    common: dict[str, object] = {"NATS_URL": nats_url, "LINGXI_INTERNAL_PORT": 0}
    of_model = {"OPENAI_BASE_URL": simulator.base_url, "OPENAI_MODEL": MODEL}
    agent, chat, gateway = (common | {"DATABASE_URL": url} for url in databases)
    of_agent = AgentSettings.model_validate(agent)
    of_chat = ChatSettings.model_validate(chat | of_model)
    of_gateway = gateway | {
        "LINGXI_PORT": 0,
        "LINGXI_LOCAL": True,
        "JWT_SECRET": "only-for-tests, and long enough for HS256",
        "OPENAI_MODEL": MODEL,
        "RATE_LIMIT_PER_IP": 0,
        "RATE_LIMIT_PER_USER": 0,
    }
    agent_bootstrap.migrate(of_agent)
    chat_bootstrap.migrate(of_chat)
    bootstrap.migrate(Settings.model_validate(of_gateway))
    stop = Stop()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(simulator.close)
        await stack.enter_async_context(agent_bootstrap.start(of_agent, stop))
        its_chat = await stack.enter_async_context(AsyncExitStack())
        await its_chat.enter_async_context(chat_bootstrap.start(of_chat, stop))
        port = await stack.enter_async_context(
            bootstrap.serving(Settings.model_validate(of_gateway), stop)
        )
        http = await stack.enter_async_context(
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=TIMEOUT_SECONDS)
        )
        yield Lingxi(http, simulator, nats_url, its_chat.aclose, of_gateway, stop)
        assert not stop.failed
