"""How requests are counted."""

from prometheus_client import CollectorRegistry, Histogram

from lingxi_chassis.rpc_measures import LABELS, OUTCOMES, Measured


def test_every_outcome_is_there_before_it_happens() -> None:
    """Guards the alert about requests without an answer: a rate sees no rise in a series' birth."""
    registry = CollectorRegistry()
    asked = Histogram("asked_seconds", "Of this test", LABELS, registry=registry)
    with Measured(asked, "chat.rpc.get_session"):
        pass
    counts = {
        outcome: registry.get_sample_value(
            "asked_seconds_count", {"request": "chat.get_session", "outcome": outcome}
        )
        for outcome in OUTCOMES
    }
    assert counts == {"answered": 1, "refused": 0, "unavailable": 0}
