"""The model client: asks, streams, tries again, and counts."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from functools import partial

import orjson

from lingxi_chassis.clock import monotonic
from lingxi_chassis.model.answer import StreamedAnswer
from lingxi_chassis.model.errors import (
    BadAnswer,
    ModelFailure,
    ModelNotFound,
    ModelRefused,
    ModelTimeout,
)
from lingxi_chassis.model.gate import Gate
from lingxi_chassis.model.json_forms import JsonForm, asked_for_json
from lingxi_chassis.model.measures import KIND_OF, SLOTS, ModelCall
from lingxi_chassis.model.messages import (
    Again,
    ChatRequest,
    Completion,
    Delta,
    JsonAnswer,
    Usage,
)
from lingxi_chassis.model.tokens import TokenCorrection, estimate_prompt_tokens, estimate_tokens
from lingxi_chassis.model.tries import RetryPolicy, Tries
from lingxi_chassis.model.wire import Wire

PATIENT_SECONDS = 120.0
"""`quiet_seconds` of those who keep nobody waiting: a small machine's model reads a long prompt for
a while before it says a word."""
UNKNOWN_MODEL_SECONDS = 60.0
UNKNOWN_MODELS_MAX = 256


class ModelClient:
    """Asks a model at one OpenAI-compatible URL. One a process: it bounds the calls in flight.

    `deadline_seconds` bounds a call as a whole, `quiet_seconds` the wait for the first byte and
    between two. `tokens` learns from each call how far estimates are off.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        default_model: str,
        *,
        concurrency: int = 16,
        deadline_seconds: float = 120.0,
        quiet_seconds: float = 60.0,
        retries: RetryPolicy | None = None,
    ) -> None:
        self.default_model = default_model
        self.tokens = TokenCorrection()
        self.gate = Gate(concurrency)
        self._deadline_seconds = deadline_seconds
        self._retries = retries or RetryPolicy()
        self._unknown_models: dict[str, float] = {}
        self._json_form = JsonForm.BOUNDED_SCHEMA
        self._concurrency = concurrency
        self._wire = Wire(base_url, api_key, quiet_seconds)

    async def close(self) -> None:
        """Closes the connections; calls in flight fail."""
        await self._wire.close()

    async def measure(self) -> None:
        """A reading (`readings`)."""
        SLOTS.labels("free").set(self.gate.free)
        SLOTS.labels("used").set(self._concurrency - self.gate.free)
        SLOTS.labels("waited_for").set(self.gate.waiting)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Delta | Again | Completion]:
        """The answer as it comes: deltas, then one Completion. Raises ModelFailure.

        It is tried again after a cut, too: then `Again` comes before the new deltas. Use it with
        `contextlib.aclosing`: a consumer that stops early then closes the connection and frees the
        slot at once.
        """
        tries = self._tries(request)
        while True:
            handed_out = False
            try:
                async with aclosing(self._attempt(request, tries)) as parts:
                    async for part in parts:
                        handed_out = True
                        yield part
                return
            except ModelFailure as failure:
                await self._again(tries, failure)
            if handed_out:
                yield Again()

    async def complete(self, request: ChatRequest) -> Completion:
        """The whole answer at once; tried again after a cut, too. Raises ModelFailure."""
        return await self._until_answered(request, lambda tries: self._whole(request, tries))

    async def complete_json(
        self, request: ChatRequest, schema_name: str, schema: Mapping[str, object]
    ) -> JsonAnswer:
        """An answer that is JSON, asked for by schema; the caller validates its shape.

        A provider that refuses is asked in weaker forms (`json_forms`); what it took is remembered.
        Raises ModelFailure: BadAnswer if it is no JSON after all tries.
        """

        async def once(tries: Tries, asked: ChatRequest) -> JsonAnswer:
            completion = await self._whole(asked, tries)
            return JsonAnswer(_json_in(completion.text), completion)

        refusal = ModelRefused()
        for form in list(JsonForm)[self._json_form :]:
            asked = asked_for_json(request, form, schema_name, schema)
            try:
                answer = await self._until_answered(asked, partial(once, asked=asked))
            except ModelRefused as refused:
                refusal = refused
                continue
            self._json_form = form
            return answer
        raise refusal

    async def _until_answered[T](
        self, request: ChatRequest, once: Callable[[Tries], Awaitable[T]]
    ) -> T:
        tries = self._tries(request)
        while True:
            try:
                return await once(tries)
            except ModelFailure as failure:
                await self._again(tries, failure)

    def _tries(self, request: ChatRequest) -> Tries:
        model = request.model or self.default_model
        deadline_seconds = request.deadline_seconds or self._deadline_seconds
        tries = Tries(self._retries, model, self.default_model, deadline_seconds)
        if self._unknown_models.get(model, 0.0) > monotonic():
            tries.fall_back()
        return tries

    async def _again(self, tries: Tries, failure: ModelFailure) -> None:
        if isinstance(failure, ModelNotFound) and tries.model != self.default_model:
            # Remembered, so that not every call for a mistyped model asks the provider twice.
            self._unknown_models.pop(tries.model, None)
            self._unknown_models[tries.model] = monotonic() + UNKNOWN_MODEL_SECONDS
            while len(self._unknown_models) > UNKNOWN_MODELS_MAX:
                del self._unknown_models[next(iter(self._unknown_models))]
        await tries.again(failure)

    async def _whole(self, request: ChatRequest, tries: Tries) -> Completion:
        async with aclosing(self._attempt(request, tries)) as parts:
            async for part in parts:
                if isinstance(part, Completion):
                    return part
        raise BadAnswer

    async def _attempt(
        self, request: ChatRequest, tries: Tries
    ) -> AsyncGenerator[Delta | Completion]:
        answer = StreamedAnswer()
        try:
            async with asyncio.timeout(tries.seconds_left()):
                await self.gate.enter(request.priority)
        except TimeoutError:
            raise ModelTimeout("no free slot") from None
        try:
            with ModelCall(KIND_OF[request.priority]) as call:
                if tries.model == self.default_model:
                    call.of(tries.model)
                async with self._wire.opened(_body(request, tries.model), tries) as response:
                    parts = response.aiter_bytes()
                    while not answer.done and (data := await self._wire.next_bytes(parts, tries)):
                        if text := answer.feed(data):
                            call.heard()
                            yield Delta(text)
                    await self._wire.drain(parts)
                if text := answer.close():
                    call.heard()
                    yield Delta(text)
                call.used(answer.usage)
        finally:
            self.gate.leave(request.priority)
        yield self._completion(request, tries, answer)

    def _completion(self, request: ChatRequest, tries: Tries, answer: StreamedAnswer) -> Completion:
        estimate = estimate_prompt_tokens(request.messages)
        if answer.usage is not None:
            self.tokens.observe(tries.model, estimate, answer.usage.prompt_tokens)
        return Completion(
            text=answer.text,
            model=answer.model or tries.model,
            usage=answer.usage or Usage(estimate, estimate_tokens(answer.text), estimated=True),
            finish_reason=answer.finish_reason or "stop",
            fallback_from=tries.fallback_from,
            latency_ms=round((monotonic() - tries.started) * 1000),
        )


def _body(request: ChatRequest, model: str) -> bytes:
    body: dict[str, object] = {
        "model": model,
        "messages": [{"role": one.role, "content": one.content} for one in request.messages],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.max_tokens is not None:
        body["max_tokens"] = request.max_tokens
    if request.response_format is not None:
        body["response_format"] = request.response_format
    return orjson.dumps(body)


def _json_in(text: str) -> object:
    """The JSON of an answer, bare or in a fence. Raises BadAnswer."""
    bare = text.strip()
    if bare.startswith("```"):
        bare = bare.partition("\n")[2].rpartition("```")[0]
    try:
        return orjson.loads(bare)
    except orjson.JSONDecodeError:
        raise BadAnswer("not the JSON asked for") from None
