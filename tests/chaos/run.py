"""One run: a system, users, a plan of faults, healing, and the checker's verdict."""

import asyncio
from collections import Counter
from dataclasses import dataclass

import httpx

from lingxi_local.databases import OWNERS
from lingxi_local.process import StartFailed
from tests.chaos import checker, reading, unasked
from tests.chaos.faults import Fault, plan
from tests.chaos.posting import SLOWLY
from tests.chaos.running import Running, running
from tests.chaos.somebody import Somebody
from tests.chaos.users import SETTLE_SECONDS_MAX, live
from tests.chaos.verdict import Kept, judge
from tests.fixtures.servers import reachable_folder

USERS = 12
HEAL_SECONDS_MAX = 60.0
SLOW_MS = 30
"""Before each chunk of a reply that is to be interrupted."""
OUTPUT_LINES_SHOWN = 60
SHOWN = ("turn_completed", "summary_written", "summary_withdrawn", "written first")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one seed did and what it broke."""

    seed: int
    faults: list[Fault]
    told: Counter[str]
    done: Counter[str]
    kept: Counter[str]
    """Events of chat's log by name."""
    findings: list[str]
    output: str

    def report(self) -> str:
        """For people."""
        told = ", ".join(f"{count} {state}" for state, count in sorted(self.told.items()))
        kept = ", ".join(f"{self.kept[name]} {name}" for name in SHOWN)
        done = ", ".join(f"{count} {what}" for what, count in sorted(self.done.items()))
        head = f"seed {self.seed}: {len(self.faults)} faults; log: {kept}; posts: {told}"
        head = f"{head}; {done}"
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
    await _slow_down(made)
    users = [Somebody(made.system.base_url, number, seed) for number in range(USERS)]
    for user in users:
        await user.enter()
    stop = asyncio.Event()
    lives = [asyncio.create_task(live(user, stop)) for user in users]
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
    databases = {owner: _database(made, owner) for owner in OWNERS}
    places = Kept(databases, made.nats.server.url("admin"), made.output.getvalue)
    findings += await judge(places, journals)
    findings += checker.check_output(made.output.getvalue())
    told = Counter(post.told for journal in journals for post in journal.posts)
    done = sum((journal.done for journal in journals), Counter[str]())
    done["leaver"] = sum(journal.left for journal in journals)
    log = reading.read_log(databases["chat"])
    kept = Counter(row.type.split(".")[0] for row in log)
    kept["written first"] = sum(map(unasked.is_written_first, log))
    return Outcome(seed, faults, told, done, kept, findings, made.output.getvalue())


async def _slow_down(made: Running) -> None:
    """The model takes its time with what asks for it."""
    rule = {"do": "slow", "contains": SLOWLY, "delay_ms": SLOW_MS}
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.post(f"{made.system.simulator_url}/faults", json=[rule])


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


def _database(made: Running, owner: str) -> str:
    # Past the proxy: it runs in the loop that reading blocks.
    url = made.system.servers.database_urls[owner]
    return url.replace(f":{made.links['postgres'].port}/", f":{made.server.port}/")
