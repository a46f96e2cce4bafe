"""Forget what was done to accounts so many days ago: a statement an hour."""

import asyncio

from lingxi_contracts.errors import Unavailable
from lingxi_gateway.projections.audit import FORGOTTEN_AT_ONCE_MAX, Audit

CHECK_SECONDS = 3600.0


async def forget_audit(audit: Audit) -> None:
    """Until cancelled."""
    while True:
        await forget_old(audit)
        await asyncio.sleep(CHECK_SECONDS)


async def forget_old(audit: Audit) -> None:
    """All that is too old by now; while the database is away, nothing."""
    try:
        while await audit.forget() == FORGOTTEN_AT_ONCE_MAX:
            pass
    except Unavailable:
        return
