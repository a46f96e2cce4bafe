"""The simulator's routes, and starting it: as a process or inside a test's own loop."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import orjson
from pydantic import ValidationError

from lingxi_simulator import http
from lingxi_simulator.chat import complete
from lingxi_simulator.embeddings import DIMENSIONS, DIMENSIONS_MAX, as_base64, embed
from lingxi_simulator.failing import error_reply, played_whole, refused
from lingxi_simulator.faults import RULES, Asked, Faults, Rule
from lingxi_simulator.journal import Journal
from lingxi_simulator.moderation import moderated
from lingxi_simulator.tokens import count_tokens

MODEL = "lingxi-simulator"
EMBEDDING_INPUTS_MAX = 2_048

type Route = Callable[[http.Request], http.Answer]


class Simulator:
    """One simulator's state and its routes; nothing outlives the process."""

    def __init__(self, delay_ms_per_chunk: float = 0.0) -> None:
        self.faults = Faults()
        self.journal = Journal()
        self._pace = Rule(do="slow", delay_ms=delay_ms_per_chunk) if delay_ms_per_chunk else None
        self._routes: dict[tuple[str, str], Route] = {
            ("POST", "/v1/chat/completions"): self._chat,
            ("POST", "/v1/embeddings"): self._embeddings,
            ("POST", "/v1/moderations"): self._moderations,
            ("GET", "/v1/models"): self._models,
            ("GET", "/health"): lambda _: http.json_reply({"status": "ok"}),
            ("GET", "/faults"): lambda _: http.json_reply(self.faults.listed()),
            ("POST", "/faults"): self._add_faults,
            ("DELETE", "/faults"): self._remove_faults,
            ("GET", "/requests"): self._requests,
            ("DELETE", "/requests"): self._forget_requests,
        }

    def handle(self, request: http.Request) -> http.Answer:
        """Answers one request; an unknown path is 404, as the API words it."""
        path = request.path.rstrip("/") or "/"
        route = self._routes.get((request.method, path))
        if route is None:
            return error_reply(404, f"no such path: {request.method} {path}", "unknown_url")
        if path.startswith("/v1/"):
            self.journal.note(request)
        return route(request)

    def _chat(self, request: http.Request) -> http.Answer:
        body = _json_object(request.body)
        if body is None:
            return error_reply(400, "the body is not a JSON object")
        return complete(request, body, self.faults, self._pace)

    def _embeddings(self, request: http.Request) -> http.Answer:
        body = _json_object(request.body)
        asked = body.get("input") if body is not None else None
        texts = [asked] if isinstance(asked, str) else cast(object, asked)
        listed = cast(list[object], texts) if isinstance(texts, list) else []
        told = [text for text in listed if isinstance(text, str)]
        if body is None or not told or not len(told) == len(listed) <= EMBEDDING_INPUTS_MAX:
            return error_reply(400, "input must be a text or a list of texts")
        dimensions = body.get("dimensions") or DIMENSIONS
        if not isinstance(dimensions, int) or not 0 < dimensions <= DIMENSIONS_MAX:
            return error_reply(400, f"dimensions must be 1 to {DIMENSIONS_MAX}")
        model = str(body.get("model", ""))
        rule = self.faults.next_for(Asked(request.path, model, told[-1], streamed=False))
        if rule is not None and (reply := refused(rule, model, streamed=False)) is not None:
            return reply
        encoded = body.get("encoding_format") == "base64"
        reply = http.json_reply(_embedded(told, model, dimensions, encoded=encoded))
        return reply if rule is None else played_whole(rule, reply)

    def _moderations(self, request: http.Request) -> http.Answer:
        body = _json_object(request.body)
        texts = cast(object, body.get("input")) if body is not None else None
        listed = [texts] if isinstance(texts, str) else texts
        if body is None or not isinstance(listed, list) or not listed:
            return error_reply(400, "input must be a text or a list of texts")
        told = [str(text) for text in cast(list[object], listed)]
        model = str(body.get("model", ""))
        rule = self.faults.next_for(Asked(request.path, model, told[-1], streamed=False))
        if rule is not None and (reply := refused(rule, model, streamed=False)) is not None:
            return reply
        reply = http.json_reply({"id": "modr-0", "model": model, "results": moderated(told)})
        return reply if rule is None else played_whole(rule, reply)

    def _models(self, _: http.Request) -> http.Answer:
        model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "lingxi"}
        return http.json_reply({"object": "list", "data": [model]})

    def _add_faults(self, request: http.Request) -> http.Answer:
        try:
            ids = self.faults.add(RULES.validate_json(request.body or b"[]"))
        except ValidationError as error:
            return error_reply(422, str(error))
        except ValueError as error:
            return error_reply(422, str(error))
        return http.json_reply({"ids": ids}, 201)

    def _remove_faults(self, request: http.Request) -> http.Answer:
        rule_id = _number(request, "id")
        self.faults.remove(rule_id)
        return http.json_reply({"removed": "all" if rule_id is None else rule_id})

    def _requests(self, request: http.Request) -> http.Answer:
        return http.json_reply(self.journal.since(_number(request, "since") or 0))

    def _forget_requests(self, _: http.Request) -> http.Answer:
        self.journal.clear()
        return http.json_reply({"removed": "all"})


@dataclass(frozen=True, slots=True)
class Running:
    """A listening simulator."""

    simulator: Simulator
    host: str
    port: int
    _server: asyncio.Server
    _connections: set[http.HttpProtocol]

    @property
    def url(self) -> str:
        """Where /faults, /requests and /health are."""
        return f"http://{self.host}:{self.port}"

    @property
    def base_url(self) -> str:
        """What OPENAI_BASE_URL is to be."""
        return f"{self.url}/v1"

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._connections)

    async def close(self) -> None:
        """Stops listening and breaks off what is open."""
        self._server.close()
        for connection in list(self._connections):
            connection.close()
        await self._server.wait_closed()


async def start(
    host: str = "127.0.0.1", port: int = 0, *, delay_ms_per_chunk: float = 0.0
) -> Running:
    """Listens on the running loop; port 0 takes a free one. Raises OSError if it is taken."""
    simulator = Simulator(delay_ms_per_chunk)
    connections: set[http.HttpProtocol] = set()
    server = await asyncio.get_running_loop().create_server(
        lambda: http.HttpProtocol(simulator.handle, connections), host, port
    )
    return Running(simulator, host, server.sockets[0].getsockname()[1], server, connections)


def _json_object(body: bytes) -> Mapping[str, object] | None:
    try:
        value: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return cast(Mapping[str, object], value) if isinstance(value, dict) else None


def _number(request: http.Request, name: str) -> int | None:
    given = request.query.get(name, [""])[0]
    return int(given) if given.isascii() and given.isdigit() else None


def _embedded(texts: list[str], model: str, dimensions: int, *, encoded: bool) -> dict[str, object]:
    vectors = [embed(text, dimensions) for text in texts]
    data = [
        {"object": "embedding", "index": at, "embedding": as_base64(one) if encoded else one}
        for at, one in enumerate(vectors)
    ]
    tokens = sum(map(count_tokens, texts))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": model, "usage": usage}
