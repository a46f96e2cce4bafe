"""What every service is bolted to: event log, relay, consumers, leases, RPC, health, telemetry.

It speaks no domain: no owner's module of `lingxi_contracts` is imported here.
"""
