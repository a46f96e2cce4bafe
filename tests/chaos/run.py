"""One run: a system, users, a plan of faults, healing, and the checker's verdict."""

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

import httpx

from lingxi_local.process import StartFailed
from tests.chaos import checker
from tests.chaos.faults import Fault, plan
from tests.chaos.journal import Journal
from tests.chaos.running import Running, running
from tests.chaos.users import SETTLE_SECONDS_MAX, ChaoticUser
from tests.fixtures.servers import reachable_folder
from tests.fixtures.waiting import eventually

USERS = 6
HEAL_SECONDS_MAX = 60.0
PUBLISH_SECONDS_MAX = 30.0
OUTPUT_LINES_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one seed did and what it broke."""

    seed: int
    faults: list[Fault]
    told: Counter[str]
    turns: int
    findings: list[str]
    output: str

    def report(self) -> str:
        """For people."""
        told = ", ".join(f"{count} {state}" for state, count in sorted(self.told.items()))
        head = f"seed {self.seed}: {len(self.faults)} faults, {self.turns} turns; posts: {told}"
        if not self.findings:
            return f"{head}: nothing lost, doubled, reordered, mixed or leaked"
        plan_lines = "\n".join(f"  {fault}" for fault in self.faults)
        lines = "\n".join(f"  {finding}" for finding in self.findings)
        tail = "\n".join(self.output.splitlines()[-OUTPUT_LINES_SHOWN:])
        return f"{head}\nbroken:\n{lines}\nplan:\n{plan_lines}\n{tail}"


async def run(seed: int, seconds: float) -> Outcome:
    """Run one seed on a system of its own."""
    with reachable_folder() as folder:
        async with running(folder) as made:
            return await _run(made, seed, seconds)


async def _run(made: Running, seed: int, seconds: float) -> Outcome:
    users = [ChaoticUser(made.system.base_url, number, seed) for number in range(USERS)]
    for user in users:
        await user.enter()
    stop = asyncio.Event()
    lives = [asyncio.create_task(user.live(stop)) for user in users]
    faults = plan(seed, seconds)
    begun = asyncio.get_running_loop().time()
    suffering: list[asyncio.Task[None]] = []
    for fault in faults:
        await asyncio.sleep(max(0.0, begun + fault.at_seconds - asyncio.get_running_loop().time()))
        suffering.append(asyncio.create_task(made.suffer(fault)))
    await asyncio.gather(*suffering)
    findings = await _heal(made)
    stop.set()
    for user, ended in zip(
        users, await asyncio.gather(*lives, return_exceptions=True), strict=True
    ):
        if ended is not None:
            findings.append(
                f"{user.journal.username}: {ended!r} (settling: {SETTLE_SECONDS_MAX} s)"
            )
    journals = [user.journal for user in users]
    findings += await _check(made, journals)
    told = Counter(post.told for journal in journals for post in journal.posts)
    log = checker.read_log(_chat_database(made))
    turns = sum(row.type == "turn_completed.v1" for row in log)
    return Outcome(seed, faults, told, turns, findings, made.output.getvalue())


async def _heal(made: Running) -> list[str]:
    """End all faults and wait until everything is ready."""
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.delete(f"{made.system.simulator_url}/faults")
    try:
        async with asyncio.timeout(HEAL_SECONDS_MAX):
            await made.system.wait_ready()
    except (TimeoutError, StartFailed) as error:
        return [f"not healed: {error!r}"]
    return []


def _chat_database(made: Running) -> str:
    # Past the proxy: it runs in the loop that reading blocks.
    url = made.system.servers.database_urls["chat"]
    return url.replace(f":{made.links['postgres'].port}/", f":{made.server.port}/")


async def _check(made: Running, journals: list[Journal]) -> list[str]:
    database = _chat_database(made)
    nats_url = made.nats.server.url("admin")
    log = checker.read_log(database)
    messages = checker.read_messages(database)
    findings = [
        *checker.check_log(log),
        *checker.check_users(journals, messages),
        *checker.check_read_model(log, messages),
        *(line for journal in journals for line in checker.check_journal(journal, messages)),
    ]
    stream: list[checker.Envelope] = []

    async def published() -> bool:
        stream[:] = await checker.read_stream(nats_url, "CHAT_EVENTS")
        return checker.published_whole(log, stream)

    with suppress(TimeoutError):
        await eventually(published, PUBLISH_SECONDS_MAX)
    return [*findings, *checker.check_stream(log, stream)]
