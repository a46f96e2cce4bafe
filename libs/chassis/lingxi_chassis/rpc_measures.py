"""How long requests take, at who asks and at who answers, by what came of them."""

from functools import cache

from prometheus_client import Histogram

from lingxi_chassis.clock import monotonic
from lingxi_contracts.errors import Refusal, Unavailable

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2, 10)
LABELS = ["request", "outcome"]
"""`chat.post_message`; `answered`, `refused` by the domain, or `unavailable`."""
ANSWERED, REFUSED, UNAVAILABLE = OUTCOMES = ("answered", "refused", "unavailable")

CALLED = Histogram("lingxi_rpc_call_seconds", "At who asks", LABELS, buckets=BUCKETS)
SERVED = Histogram("lingxi_rpc_served_seconds", "At who answers", LABELS, buckets=BUCKETS)


class Measured:
    """Counts and times the request that is asked or answered in this context."""

    __slots__ = ("_began", "_requests", "_subject")

    def __init__(self, requests: Histogram, subject: str) -> None:
        self._requests = requests
        self._subject = subject

    def __enter__(self) -> None:
        self._began = monotonic()

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        outcome = ANSWERED
        if error is not None:
            refused = isinstance(error, Refusal) and not isinstance(error, Unavailable)
            outcome = REFUSED if refused else UNAVAILABLE
        _by_outcome(self._requests, self._subject)[outcome].observe(monotonic() - self._began)


@cache  # of the requests there are
def _by_outcome(requests: Histogram, subject: str) -> dict[str, Histogram]:
    """All outcomes at once: who counts failures sees the first as one more than none."""
    owner, _, name = subject.split(".")
    return {outcome: requests.labels(f"{owner}.{name}", outcome) for outcome in OUTCOMES}
