"""What all users were told, held against all that a system keeps."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ssl import SSLContext

from lingxi_contracts.envelope import Envelope
from tests.chaos import checker, reading, telling, unasked
from tests.chaos.journal import Journal
from tests.chaos.reading import Chat, Logged
from tests.fixtures.waiting import eventually

FOLLOW_SECONDS_MAX = 120.0
"""Until all that follows is there: a lease of the dead ends, what was put off is tried again."""
ERASE_SECONDS_MAX = 90.0


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a system keeps what it keeps. `databases` by owner; `output`: all its log lines;
    `streams`: those that the user of `nats_url` may read, all by default; `tls`: how to know NATS,
    where it speaks TLS."""

    databases: Mapping[str, str]
    nats_url: str
    output: Callable[[], str]
    streams: Sequence[str] = ()
    tls: SSLContext | None = None


async def judge(kept: Kept, journals: Sequence[Journal]) -> list[str]:
    """What is wrong, once everything is published and erased; a line each."""
    databases = kept.databases
    findings: list[str] = []
    if left := await _once_erased(databases):
        findings.append(f"{left} erasures never ended")
    seen = await _what_follows(kept)
    chat = seen.chat
    findings += [
        *seen.unfinished(),
        *telling.check_log(chat.log),
        *telling.check_versions(seen.decided),
        *unasked.check_summaries(chat.log),
        *checker.check_users(journals, chat.messages),
        *checker.check_read_model(chat),
        *(line for journal in journals for line in checker.check_journal(journal, chat.messages)),
        *(line for journal in journals for line in checker.check_feed(journal, chat.log)),
    ]
    everything = {owner: reading.all_rows(url) for owner, url in databases.items()}
    everything["the streams"] = await reading.all_messages(kept.nats_url, kept.streams, kept.tls)
    everything["the logs"] = kept.output()
    return [*findings, *checker.check_gone(journals, everything)]


async def _once_erased(databases: Mapping[str, str]) -> int:
    """How many erasures are left once all ended, or none has for `ERASE_SECONDS_MAX`: events go one
    by one, so how long all of it takes is the machine's affair."""
    left = reading.open_erasures(databases.values())

    def fewer() -> bool:
        return reading.open_erasures(databases.values()) < left

    with suppress(TimeoutError):
        while left:
            await eventually(fewer, ERASE_SECONDS_MAX)
            left = reading.open_erasures(databases.values())
    return left


@dataclass(frozen=True, slots=True)
class _Seen:
    chat: Chat
    decided: list[Logged]
    """Scheduler's log."""
    told: list[Envelope]
    told_of_decisions: list[Envelope]
    given_up: frozenset[str]

    def unfinished(self) -> list[str]:
        """What may still follow, and at the end is wrong."""
        return [
            *checker.check_stream(self.chat.log, self.told),
            *checker.check_stream(self.decided, self.told_of_decisions),
            *unasked.owed_summaries(self.chat.log, self.given_up),
            *unasked.check_decisions(self.decided, self.chat.log),
        ]


async def _what_follows(kept: Kept) -> _Seen:
    """All there is, once nothing is under way any more. Logs grow while they are read."""
    seen: list[_Seen] = []

    async def finished() -> bool:
        told = await reading.read_stream(kept.nats_url, "CHAT_EVENTS", kept.tls)
        told_of_decisions = await reading.read_stream(kept.nats_url, "SCHEDULER_EVENTS", kept.tls)
        decided = reading.read_log(kept.databases["scheduler"])
        chat = reading.read_chat(kept.databases["chat"])
        given_up = unasked.given_up(kept.output())
        seen[:] = [_Seen(chat, decided, told, told_of_decisions, given_up)]
        return not seen[0].unfinished()

    with suppress(TimeoutError):
        await eventually(finished, FOLLOW_SECONDS_MAX)
    return seen[0]
