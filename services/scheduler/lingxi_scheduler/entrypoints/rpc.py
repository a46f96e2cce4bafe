"""Questions to scheduler, by request/reply."""

from lingxi_chassis.postgres import Pool
from lingxi_chassis.rpc import RpcServer
from lingxi_contracts.scheduler import ListDecisions
from lingxi_scheduler.projections.decisions import list_decisions


async def serve(server: RpcServer, pool: Pool) -> None:
    """Answer all of scheduler's requests."""
    await server.serve(ListDecisions, lambda question: list_decisions(pool, question))
