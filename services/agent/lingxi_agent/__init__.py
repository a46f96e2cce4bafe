"""The service that owns agents and the ledger of their personalities."""
