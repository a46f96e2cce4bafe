"""The profile `cluster` under load, with TLS inside, while one after the other is killed: NATS
servers and services.

Users with journals live on it through a proxy that knows both gateways; afterwards everything that
was accepted has its one reply, and all else of tests.chaos' checker holds.
"""

import asyncio
import random
from collections import Counter
from itertools import cycle

import httpx

from lingxi_chassis.bus import connect
from lingxi_compose.choices import CLUSTER_NATS_NODES
from lingxi_local.databases import OWNERS
from lingxi_local.permissions import DEAD_LETTERS, OPERATOR
from tests.chaos.posting import SLOWLY
from tests.chaos.run import SLOW_MS
from tests.chaos.somebody import Somebody
from tests.chaos.users import live
from tests.chaos.verdict import Kept, judge
from tests.containers.project import NO_LIMITS, Project, Tried, certified, docker, project
from tests.fixtures.proxy import proxy_to

USERS = 12
SEED = 1
AWAY_SECONDS_MAX = 3.0
PAUSE_SECONDS = 1.0
ORDER = ("nats", "chat", "nats-2", "gateway", "nats-3", "agent", "summarizer", "scheduler")
STREAMS = ("GATEWAY_EVENTS", "CHAT_EVENTS", "AGENT_EVENTS", "SCHEDULER_EVENTS")
SETTINGS = {
    "COMPOSE_PROFILES": "cluster",
    **NO_LIMITS,
    "REPLY_WAIT_SECONDS": "5",
    "TURN_DEADLINE_SECONDS": "20",
}


async def try_cluster(port: int, seconds: float) -> Tried:
    """Up, load and kills for so long, healing, verdict."""
    with (
        certified() as folder,
        project("lingxi-try-cluster", port, TLS_FOLDER=folder, **SETTINGS) as made,
    ):
        await asyncio.to_thread(made.run, "up")
        async with proxy_to(port, port + 1) as balancer:
            return await _live(made, f"http://127.0.0.1:{balancer.port}", seconds)


async def _live(made: Project, base_url: str, seconds: float) -> Tried:
    await _slow_down(made)
    users = [Somebody(base_url, number, SEED) for number in range(USERS)]
    for user in users:
        await user.enter()
    stop = asyncio.Event()
    lives = [asyncio.create_task(live(user, stop)) for user in users]
    killed = await _kill_one_by_one(made, seconds)
    stop.set()
    ended = await asyncio.gather(*lives, return_exceptions=True)
    findings = [repr(error) for error in ended if error is not None]
    databases = {owner: made.database_url(owner) for owner in OWNERS}
    kept = Kept(databases, made.nats_url(OPERATOR), made.logs, STREAMS, made.tls)
    findings += await judge(kept, [user.journal for user in users])
    findings += await _on_fewer_servers(made)
    told = Counter(post.told for user in users for post in user.journal.posts)
    return Tried(f"{seconds:.0f} s, killed {dict(killed)}; posts: {dict(told)}", findings)


async def _on_fewer_servers(made: Project) -> list[str]:
    async with connect(made.nats_url(OPERATOR), OPERATOR, tls=made.tls) as nats:
        infos = [await nats.jetstream().stream_info(name) for name in (*STREAMS, DEAD_LETTERS)]
    held = {info.config.name: info.config.num_replicas for info in infos}
    return [f"{name}: {on} replicas" for name, on in held.items() if on != CLUSTER_NATS_NODES]


async def _slow_down(made: Project) -> None:
    rule = {"do": "slow", "contains": SLOWLY, "delay_ms": SLOW_MS}
    async with httpx.AsyncClient(trust_env=False) as client:
        url = f"http://{made.address('simulator')}:8100/faults"
        (await client.post(url, json=[rule])).raise_for_status()


async def _kill_one_by_one(made: Project, seconds: float) -> Counter[str]:
    """Kill, let it be away for a while, start it, wait until it is healthy; the next."""
    chance = random.Random(SEED)
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    killed: Counter[str] = Counter()
    for service in cycle(ORDER):
        if loop.time() > end:
            return killed
        containers = await asyncio.to_thread(made.containers, service)
        victim = containers[killed[service] % len(containers)]
        await asyncio.to_thread(docker, "kill", victim)
        await asyncio.sleep(chance.uniform(0, AWAY_SECONDS_MAX))
        await asyncio.to_thread(docker, "start", victim)
        killed[service] += 1
        await made.healthy([victim])
        await asyncio.sleep(PAUSE_SECONDS)
    raise AssertionError
