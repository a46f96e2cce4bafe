"""Work beside other work.

In the background of a service: its end is the end of the process, unless we ended it. Or ahead of
the moment its result is needed.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog

log = structlog.get_logger(__name__)


@asynccontextmanager
async def in_background(
    work: Coroutine[Any, Any, None], name: str, on_death: Callable[[], None]
) -> AsyncGenerator[None]:
    """Run `work` while the context is open; if it ends by itself or fails, `on_death` is called."""

    async def watched() -> None:
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("background_failed", name=name)
        else:
            log.error("background_ended", name=name)
        on_death()

    task = asyncio.create_task(watched(), name=name)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        work.close()  # it has not begun, if it was cancelled right away


def begun[T](work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """A task that is at its first wait already: what it sends until then need not wait its turn."""
    return asyncio.Task(work, loop=asyncio.get_running_loop(), eager_start=True)


def ahead[T](work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Begin what will be awaited later, at once up to its first wait; if nobody awaits it, its
    failure is not worth a word."""
    task = begun(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task
