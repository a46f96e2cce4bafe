"""What all users were told, held against all that a system keeps."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from lingxi_contracts.envelope import Envelope
from tests.chaos import checker, reading, telling
from tests.chaos.journal import Journal
from tests.fixtures.waiting import eventually

OWNERS = ("gateway", "chat", "agent")
PUBLISH_SECONDS_MAX = 30.0
ERASE_SECONDS_MAX = 90.0


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a system keeps what it keeps. `databases` by owner; `output`: all its log lines;
    `streams`: those that the user of `nats_url` may read, all by default."""

    databases: Mapping[str, str]
    nats_url: str
    output: Callable[[], str]
    streams: Sequence[str] = ()


async def judge(kept: Kept, journals: Sequence[Journal]) -> list[str]:
    """What is wrong, once everything is published and erased; a line each."""
    databases = kept.databases
    findings: list[str] = []
    try:
        await eventually(lambda: reading.open_erasures(databases.values()) == 0, ERASE_SECONDS_MAX)
    except TimeoutError:
        findings.append(f"{reading.open_erasures(databases.values())} erasures never ended")
    log: list[reading.Logged] = []
    stream: list[Envelope] = []

    async def published() -> bool:
        # What was read is noted a moment later: the log may still grow.
        stream[:] = await reading.read_stream(kept.nats_url, "CHAT_EVENTS")
        log[:] = reading.read_log(databases["chat"])
        return not list(checker.check_stream(log, stream))

    with suppress(TimeoutError):
        await eventually(published, PUBLISH_SECONDS_MAX)
    messages = reading.read_messages(databases["chat"])
    findings += [
        *telling.check_log(log),
        *checker.check_users(journals, messages),
        *checker.check_read_model(log, messages, reading.read_superseded(databases["chat"])),
        *(line for journal in journals for line in checker.check_journal(journal, messages)),
        *(line for journal in journals for line in checker.check_feed(journal, log)),
    ]
    everything = {owner: reading.all_rows(url) for owner, url in databases.items()}
    everything["the streams"] = await reading.all_messages(kept.nats_url, kept.streams)
    everything["the logs"] = kept.output()
    return [
        *findings,
        *checker.check_stream(log, stream),
        *checker.check_gone(journals, everything),
    ]
