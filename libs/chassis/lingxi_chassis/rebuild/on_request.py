"""Rebuilds that an operator asks for: one at a time, and they outlast the patience of who asked."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from lingxi_chassis.rebuild.read_models import RebuildBusy, RebuildStalled, Rebuilt
from lingxi_chassis.rebuild.snapshots import Refolded
from lingxi_contracts.operations import Rebuild, RebuildUnderWay, RebuiltLog, TablesBusy

log = structlog.get_logger(__name__)


class Rebuilds:
    """How an owner rebuilds its read models, and its snapshots."""

    def __init__(
        self,
        read_models: Callable[[], Awaitable[Rebuilt]],
        snapshots: Callable[[], Awaitable[Refolded]],
    ) -> None:
        self._read_models = read_models
        self._snapshots = snapshots
        self._running: asyncio.Task[RebuiltLog] | None = None

    async def __call__(self, command: Rebuild) -> RebuiltLog:
        """What was rebuilt. Whoever gives up waiting finds it in the logs.

        Raises:
            RebuildUnderWay, TablesBusy, Unavailable.
        """
        if self._running is not None:
            raise RebuildUnderWay
        work = self._of_snapshots() if command.snapshots else self._of_read_models()
        self._running = asyncio.create_task(work)
        self._running.add_done_callback(self._ended)
        return await asyncio.shield(self._running)

    def _ended(self, task: asyncio.Task[RebuiltLog]) -> None:
        self._running = None
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("rebuild_failed", error=f"{type(error).__name__}: {error}")

    async def _of_read_models(self) -> RebuiltLog:
        try:
            rebuilt = await self._read_models()
        except RebuildBusy as error:
            raise RebuildUnderWay from error
        except RebuildStalled as error:
            raise TablesBusy from error
        return RebuiltLog(
            rebuilt=rebuilt.tables,
            events=rebuilt.events,
            seconds=rebuilt.seconds,
            held_off_seconds=rebuilt.swap_seconds,
        )

    async def _of_snapshots(self) -> RebuiltLog:
        refolded = await self._snapshots()
        return RebuiltLog(
            rebuilt=("streams",),
            events=refolded.events,
            seconds=refolded.seconds,
            replaced=refolded.replaced,
            unsettled=refolded.unsettled,
        )
