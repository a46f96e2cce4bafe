"""What every service answers an operator: one line in each bootstrap.

The requests stand in `lingxi_contracts.operations`.
"""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit, urlunsplit

from lingxi_chassis.health import Health
from lingxi_chassis.log_state import log_status, measure_log
from lingxi_chassis.owner import OwnerParts
from lingxi_chassis.rebuild.on_request import Rebuilds
from lingxi_chassis.relay.healing import ask_to_heal
from lingxi_chassis.relay.pages import read_event, read_log
from lingxi_chassis.rpc import RpcServer
from lingxi_contracts.operations import (
    GetStatus,
    LogStatus,
    ModelStatus,
    Rebuild,
    Republish,
    Republished,
    ServiceStatus,
)
from lingxi_contracts.reading import ReadEvent, ReadLog

type ReadStatus = Callable[[], Awaitable[LogStatus]]


async def serve(
    parts: OwnerParts, owner: str, rebuilds: Rebuilds, model: ModelStatus | None = None
) -> None:
    """Answer what an operator asks of an owner, and whoever wants to read its log."""

    async def republish(_: Republish) -> Republished:
        last_seq = await ask_to_heal(parts.nats, owner)
        return Republished(first_seq=last_seq + 1)

    parts.health.readings.add("log", lambda: measure_log(parts, owner))
    await serve_status(parts.server, parts.health, model, lambda: log_status(parts, owner))
    await parts.server.serve(Republish, republish)
    await parts.server.serve(Rebuild, rebuilds.__call__)
    await parts.server.serve(ReadLog, lambda question: read_log(parts.pool, owner, question))
    await parts.server.serve(ReadEvent, lambda question: read_event(parts.pool, owner, question))


async def serve_status(
    server: RpcServer,
    health: Health,
    model: ModelStatus | None = None,
    read_log_status: ReadStatus | None = None,
) -> None:
    """Answer how the service is. Without a log, this is all it is asked."""

    async def status(_: GetStatus) -> ServiceStatus:
        reasons = await health.reasons()
        log = None
        # Where a part is away, that is the news: the log's state would fail for the same reason.
        if read_log_status is not None and not {"database", "nats"} & reasons.keys():
            log = await read_log_status()
        return ServiceStatus(reasons=reasons, log=log, model=model)

    await server.serve(GetStatus, status)


def asked_model(base_url: str, name: str) -> ModelStatus:
    """The model of a service's settings, without what is secret in its URL."""
    parts = urlsplit(base_url)
    return ModelStatus(
        url=urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")),
        name=name,
    )
