"""The figures as Markdown, each beside its target."""

from collections.abc import Iterator, Sequence

from benchmarks.costs import compare, read_baseline
from benchmarks.feeds import Feeds
from benchmarks.live import Live
from benchmarks.run import Figures
from lingxi_contracts.live import DELTA_MS_MAX

FLOOR_RATIO_MIN = 0.2
"""Turns a second at `BUSY_CLIENTS`, to the floor's."""
FLOOR_P50_RATIO_MAX = 4.0
"""Of one client, to the floor's."""
BUSY_CLIENTS = 16
TO_MODEL_P50_MS_MAX = 10.0
TO_CLIENT_P50_MS_MAX = 3.0
"""Both of one stream."""
LENGTH_RATIO_MAX = 1.2
TURNS_HEAD = (
    *("clients", "turns/s", "p50 ms", "p99 ms", "floor turns/s", "floor p50 ms"),
    *("ratio turns/s", "ratio p50", "turns", "errors"),
)
PLACES = ("newest", "middle", "oldest")


def markdown(figures: Figures) -> str:
    """The whole report."""
    sections = (
        _machine(figures),
        _boot(figures) if figures.boot_seconds else (),
        _turns(figures) if figures.by_clients else (),
        _length(figures) if figures.by_length else (),
        _costs(figures) if figures.costs else (),
        _relay(figures) if figures.drained or figures.rebuilt else (),
        _feeds(figures.feeds) if figures.feeds else (),
        _live(figures.live) if figures.live else (),
    )
    return "\n\n".join("\n".join(lines) for lines in map(list, sections) if lines) + "\n"


def misses(figures: Figures) -> list[str]:
    """The targets of time that were not met, a sentence each: what the machine did meanwhile may be
    why, so nothing depends on them."""
    missed: list[str] = []
    for one in figures.by_clients:
        if one.clients == BUSY_CLIENTS and one.ratio_turns_per_second < FLOOR_RATIO_MIN:
            missed.append(f"turns/s at {one.clients} clients: {one.ratio_turns_per_second:.2f}")
        if one.clients == 1 and one.ratio_p50 > FLOOR_P50_RATIO_MAX:
            missed.append(f"p50 at one client: {one.ratio_p50:.1f} of the floor's")
    for one in figures.by_length:
        ratios = {"turn": one.turn_ratio, **{f"{k} page": v for k, v in one.page_ratio.items()}}
        missed += [
            f"{what} amid {one.messages:,} messages: {ratio:.2f} of the shortest session's"
            for what, ratio in ratios.items()
            if ratio > LENGTH_RATIO_MAX
        ]
    for one in figures.live:
        if one.streams == 1 and one.to_model_p50_ms > TO_MODEL_P50_MS_MAX:
            missed.append(f"a post at the model: {one.to_model_p50_ms:.1f} ms")
        if one.streams == 1 and one.to_client_p50_ms > TO_CLIENT_P50_MS_MAX:
            missed.append(f"a word at the client: {one.to_client_p50_ms:.1f} ms")
    return missed


def broken(figures: Figures) -> list[str]:
    """What is wrong on any machine, a sentence each: costs that are not those recorded, and turns
    without an answer."""
    return [
        *compare(figures.costs, read_baseline()),
        *(
            f"{one.errors} turns at {one.clients} clients were not answered"
            for one in figures.by_clients
            if one.errors
        ),
    ]


def _machine(figures: Figures) -> Iterator[str]:
    machine = figures.machine
    yield "# Benchmarks"
    yield ""
    yield (
        f"{machine.cores} cores ({machine.system}), shared by everything here, the load too; a"
        f" durable write of 4 KiB takes {machine.fsync_ms:.2f} ms. Python {machine.python},"
        f" Postgres {machine.postgres}, NATS {machine.nats}, "
        + ", ".join(f"{name} {version}" for name, version in machine.libraries.items())
        + "."
    )


def _boot(figures: Figures) -> Iterator[str]:
    starts = (f"{which} start {seconds:.1f} s" for which, seconds in figures.boot_seconds.items())
    yield "## Boot and memory"
    yield ""
    yield f"Until everything is ready: {', '.join(starts)}. Idle, in MiB:"
    yield ""
    yield from _table(
        ("process", "PSS", "RSS", "processes"),
        [
            (name, f"{one.pss_mib:.0f}", f"{one.rss_mib:.0f}", str(one.processes))
            for name, one in figures.idle_memory.items()
        ]
        + [("all", f"{sum(one.pss_mib for one in figures.idle_memory.values()):.0f}", "", "")],
    )


def _turns(figures: Figures) -> Iterator[str]:
    yield "## Turns by clients"
    yield ""
    yield (
        "Saved turns, instant model. The floor is a bare process with two commits, two acknowledged"
        " publishes and one model call a turn, measured in turn with ours; a ratio is the median of"
        f" the rounds'. Targets: at least {FLOOR_RATIO_MIN} of its turns/s at {BUSY_CLIENTS}"
        f" clients, at most {FLOOR_P50_RATIO_MAX:.0f} times its p50 at one."
    )
    yield ""
    yield from _table(
        TURNS_HEAD,
        [
            (
                str(one.clients),
                f"{one.turns_per_second:.0f}",
                f"{one.p50_ms:.1f}",
                f"{one.p99_ms:.1f}",
                f"{one.floor_turns_per_second:.0f}",
                f"{one.floor_p50_ms:.1f}",
                f"{one.ratio_turns_per_second:.2f}",
                f"{one.ratio_p50:.1f}",
                str(one.turns),
                str(one.errors),
            )
            for one in figures.by_clients
        ],
    )
    names = list(figures.by_clients[0].cpu_ms_per_turn)
    if names:
        yield ""
        yield "CPU milliseconds a turn:"
        yield ""
        yield from _table(
            ("clients", *names, "all"),
            [
                (
                    str(one.clients),
                    *(f"{one.cpu_ms_per_turn[name]:.2f}" for name in names),
                    f"{sum(one.cpu_ms_per_turn.values()):.2f}",
                )
                for one in figures.by_clients
            ],
        )


def _length(figures: Figures) -> Iterator[str]:
    yield "## By length of the session"
    yield ""
    yield (
        "Medians in ms; in brackets the ratio to the shortest session, target at most"
        f" {LENGTH_RATIO_MAX}."
    )
    yield ""
    yield from _table(
        ("messages", "turn", *(f"{place} page" for place in PLACES)),
        [
            (
                f"{one.messages:,}",
                f"{one.turn_ms:.1f} ({one.turn_ratio:.2f})",
                *(f"{one.page_ms[at]:.1f} ({one.page_ratio[at]:.2f})" for at in PLACES),
            )
            for one in figures.by_length
        ],
    )


def _costs(figures: Figures) -> Iterator[str]:
    yield "## What requests cost"
    yield ""
    yield "Counted, equal in every run; writes are the statements that are commits to disk."
    yield ""
    yield from _table(
        ("request", "statements", "writes", "requests between services", "events"),
        [
            (name, str(one.statements), str(one.writes), str(one.requests), str(one.published))
            for name, one in figures.costs.items()
        ],
    )


def _relay(figures: Figures) -> Iterator[str]:
    yield "## Relay and rebuild"
    yield ""
    if figures.drained:
        drained = figures.drained
        yield (
            f"- The relay published {drained.events:,} waiting events at"
            f" {drained.events_per_second:,.0f} a second."
        )
    for lag in figures.lags:
        yield (
            f"- Clients: {lag.clients}. A consumer has an event {lag.p50_ms:.1f} ms (p50),"
            f" {lag.p99_ms:.1f} ms (p99) after it was decided, its append included."
        )
    if figures.rebuilt:
        rebuilt = figures.rebuilt
        yield (
            f"- A rebuild of chat's read models folded {rebuilt.events:,} events at"
            f" {rebuilt.events_per_second:,.0f} a second and held appends off for"
            f" {rebuilt.swap_seconds * 1000:.0f} ms."
        )


def _feeds(feeds: Feeds) -> Iterator[str]:
    yield "## Feeds"
    yield ""
    yield (
        f"- One gateway with {feeds.feeds:,} idle feeds: {feeds.kib_per_feed:.0f} KiB each (PSS),"
        f" {feeds.idle_cpu_percent:.1f} % of a core, keep-alives and the look at logins included."
    )
    yield (
        f"- An event to one user among them: {feeds.p50_ms:.1f} ms (p50), {feeds.p99_ms:.1f} ms"
        f" (p99) from the request to the frame, {feeds.cpu_ms_per_event:.2f} ms of the gateway's"
        f" CPU; without them {feeds.alone_p50_ms:.1f} ms, {feeds.alone_cpu_ms_per_event:.2f} ms."
    )


def _live(lives: Sequence[Live]) -> Iterator[str]:
    yield "## Streamed replies"
    yield ""
    yield (
        "Added by us, in ms: from the post to the request at the model, and from a word that the"
        f" model said to its frame at the client, beside the {DELTA_MS_MAX} ms in which words are"
        f" collected. Targets (p50, one stream): under {TO_MODEL_P50_MS_MAX:.0f} and under"
        f" {TO_CLIENT_P50_MS_MAX:.0f}."
    )
    yield ""
    yield from _table(
        ("streams", "to the model p50", "p99", "to the client p50", "p99", "replies"),
        [
            (
                str(one.streams),
                f"{one.to_model_p50_ms:.1f}",
                f"{one.to_model_p99_ms:.1f}",
                f"{one.to_client_p50_ms:.1f}",
                f"{one.to_client_p99_ms:.1f}",
                str(one.replies),
            )
            for one in lives
        ],
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"| --- |{' ---: |' * (len(head) - 1)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
