"""The only place that makes ids up. Derived ids stand in `lingxi_contracts.identity`."""

from uuid import UUID

import uuid_utils


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562): unique, and in the order of its making."""
    return UUID(int=uuid_utils.uuid7().int)
