"""How long requests take, at who asks and at who answers, by what came of them."""

from collections.abc import Generator
from contextlib import contextmanager
from functools import cache

from prometheus_client import Histogram

from lingxi_chassis.clock import monotonic
from lingxi_contracts.errors import Refusal, Unavailable

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2, 10)
LABELS = ["request", "outcome"]
"""`chat.post_message`; `answered`, `refused` by the domain, or `unavailable`."""

CALLED = Histogram("lingxi_rpc_call_seconds", "At who asks", LABELS, buckets=BUCKETS)
SERVED = Histogram("lingxi_rpc_served_seconds", "At who answers", LABELS, buckets=BUCKETS)


@contextmanager
def measured(requests: Histogram, subject: str) -> Generator[None]:
    """Count and time the request that is asked or answered in this context."""
    began = monotonic()
    outcome = "unavailable"
    try:
        yield
        outcome = "answered"
    except Refusal as refusal:
        if not isinstance(refusal, Unavailable):
            outcome = "refused"
        raise
    finally:
        _child(requests, subject, outcome).observe(monotonic() - began)


@cache  # of the requests there are, each with three outcomes
def _child(requests: Histogram, subject: str, outcome: str) -> Histogram:
    owner, _, name = subject.split(".")
    return requests.labels(f"{owner}.{name}", outcome)
