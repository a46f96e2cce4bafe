"""Requests counted by route template and status, and timed until their answer begins.

Until it begins, because a stream ends when its client has enough. Labels are bounded: a path of no
route is `-`, a method of no route `other`.
"""

from functools import cache

from prometheus_client import Counter, Histogram

METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"))

REQUESTS = Counter("lingxi_http_requests", "By route and status", ["method", "route", "status"])
SECONDS = Histogram(
    "lingxi_http_answer_seconds",
    "Until the answer begins",
    ["method", "route"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30),
)


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """One more. `status` 0: its client went away before there was an answer."""
    counted, timed = _children(method if method in METHODS else "other", route, status)
    counted.inc()
    if status:
        timed.observe(seconds)


@cache
def _children(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(method, route, status), SECONDS.labels(method, route)
