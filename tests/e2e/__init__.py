"""End-to-end tests: all services as real processes, spoken to through the gateway's HTTP only."""
