"""`python -m benchmarks.model_calls`: CPU of one streamed reply, three ways, against the simulator.

The prompt has 22 messages, the reply about 30 chunks; the client's own process is what is counted.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import openai
import uvloop
from openai.types.chat import ChatCompletionMessageParam

from lingxi_chassis.model.client import ModelClient
from lingxi_chassis.model.messages import ChatMessage, ChatRequest
from lingxi_chassis.model.sse import SseParser

CALLS = 300
WARM_UP_CALLS = 20
SYSTEM = "You are a cheerful pirate who talks a lot about the sea and about ships. " * 4
SAID = "I went to the harbour this morning and looked at all the boats there"


def _messages() -> list[ChatCompletionMessageParam]:
    messages: list[ChatCompletionMessageParam] = [{"role": "system", "content": SYSTEM}]
    for at in range(21):
        if at % 2:
            messages.append({"role": "assistant", "content": SAID})
        else:
            messages.append({"role": "user", "content": SAID})
    return messages


async def _typed(sdk: openai.AsyncOpenAI) -> None:
    stream = await sdk.chat.completions.create(
        model="m", messages=_messages(), stream=True, stream_options={"include_usage": True}
    )
    async for _ in stream:
        pass


async def _raw(sdk: openai.AsyncOpenAI) -> None:
    parser = SseParser()
    async with sdk.chat.completions.with_streaming_response.create(
        model="m", messages=_messages(), stream=True, stream_options={"include_usage": True}
    ) as response:
        async for data in response.iter_bytes():
            parser.feed(data)


async def _ours(client: ModelClient) -> None:
    said = [ChatMessage("system", SYSTEM)]
    said += [ChatMessage("assistant" if at % 2 else "user", SAID) for at in range(21)]
    async with aclosing(client.stream(ChatRequest(said))) as parts:
        async for _ in parts:
            pass


async def _measure(name: str, call: Callable[[], Awaitable[None]]) -> None:
    for _ in range(WARM_UP_CALLS):
        await call()
    cpu = time.process_time()
    for _ in range(CALLS):
        await call()
    print(f"{name:<48} {(time.process_time() - cpu) / CALLS * 1000:6.2f} ms CPU a reply")


async def _main() -> None:
    simulator = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "lingxi_simulator", "--port", "0", stdout=asyncio.subprocess.PIPE
    )
    assert simulator.stdout is not None
    try:
        url = (await simulator.stdout.readline()).decode().split()[-1]
        sdk = openai.AsyncOpenAI(api_key="none", base_url=url, max_retries=0)
        client = ModelClient(url, "none", "m")
        await _measure("openai SDK, typed stream", lambda: _typed(sdk))
        await _measure("openai SDK, with_streaming_response", lambda: _raw(sdk))
        await _measure("ModelClient (own JSON, request and transport)", lambda: _ours(client))
        await sdk.close()
        await client.close()
    finally:
        simulator.terminate()
        await simulator.wait()


if __name__ == "__main__":
    uvloop.run(_main())
