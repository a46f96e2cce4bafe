"""A first visit, with TLS inside: the README's walk-through, safety rules, a kill of each
container, a restart of all, a new key for tokens; and what the credentials of one owner can do to
the databases of the others: nothing.
"""

import asyncio
import os
import re
import signal
from http import HTTPStatus

import httpx
import psycopg

from lingxi_compose.engine import ROOT
from lingxi_compose.installation import NATS_PORT
from lingxi_local.databases import OWNERS
from tests.containers.project import Project, Tried, certified, docker, inspect, project
from tests.containers.rotating import rotate
from tests.e2e.client import new_user, say_until_answered
from tests.fixtures.waiting import eventually

BACK_SECONDS_MAX = 300.0
NOT_KILLED = ("-migrate-", "-simulator-")
"""It has ended; and a provider that is away is a failed turn, rightly."""
RULES = ROOT / "deploy" / "safety-rules.example.json"


async def try_walk(port: int, _seconds: float) -> Tried:
    """One visit, on an installation of its own."""
    with (
        certified() as folder,
        project("lingxi-try-walk", port, SAFETY_RULES_FILE=str(RULES), TLS_FOLDER=folder) as made,
    ):
        await asyncio.to_thread(made.run, "up")
        findings = [*await _walk(made), *_foreign_databases(made), *await _page(made)]
        findings += await _in_the_clear(made)
        async with new_user(made.base_url) as user:
            session_id = (await user.say("before", "key-0"))["session_id"]
            said = ["before"]
            for number, name in enumerate(made.containers()):
                if any(part in name for part in NOT_KILLED):
                    continue
                await _kill(name)
                said.append(f"after {name}")
                await say_until_answered(
                    user, said[-1], f"key-{number + 1}", BACK_SECONDS_MAX, session_id=session_id
                )
            await asyncio.to_thread(made.compose, "restart")
            said.append("after all")
            await say_until_answered(
                user, said[-1], "key-all", BACK_SECONDS_MAX, session_id=session_id
            )
            listed = await asyncio.to_thread(made.run, "lingxi", "users", "list")
            if user.username not in listed:
                findings.append(f"`lingxi users list` says {listed!r}")
            findings += await asyncio.to_thread(_told_anew, made)
            findings += await rotate(made, user)
            told = await user.messages(session_id)
        heard = [one["message"] for one in told if one["is_user"]]
        if heard != said:
            findings.append(f"said {said}, kept {heard}")
    killed = len(said) - 2
    return Tried(f"{killed} containers killed, all restarted; {len(told)} messages", findings)


async def _in_the_clear(made: Project) -> list[str]:
    """Services' connections to Postgres without TLS; and what NATS says to whom it greets."""
    with psycopg.connect(made.database_url("chat")) as connection:
        rows = connection.execute(
            "select usename, count(*) filter (where not ssl), count(*) from pg_stat_ssl"
            " join pg_stat_activity using (pid) where usename like 'lingxi_%' group by usename"
        ).fetchall()
    findings = [f"{user}: {clear} of {every} without TLS" for user, clear, every in rows if clear]
    if {user for user, _, _ in rows} != {f"lingxi_{owner}" for owner in OWNERS}:
        findings.append(f"connected to Postgres: {rows}")
    reader, writer = await asyncio.open_connection(made.address("nats"), NATS_PORT)
    greeting = await reader.readline()
    writer.close()
    if b'"tls_required":true' not in greeting:
        findings.append(f"NATS offers no TLS: {greeting}")
    return findings


async def _walk(made: Project) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (walk,) = [block for block in blocks if block.startswith("API=")]
    script = walk.replace("http://127.0.0.1:8000", made.base_url)
    pasted = await asyncio.create_subprocess_exec(
        "bash", "-euo", "pipefail", "-c", script, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await pasted.communicate()
    wanted = (b"Your name is Ada", b"shy librarian", b'"source": "manual"')
    return [f"the walk-through lacks {text}" for text in wanted if text not in said]


async def _page(made: Project) -> list[str]:
    """The web app is in the image."""
    async with httpx.AsyncClient(base_url=made.base_url, trust_env=False) as client:
        page = await client.get("/", headers={"Accept": "text/html"})
        assets = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.text)
        answers = [(await client.get(asset)).status_code for asset in assets]
    if not assets or set(answers) != {HTTPStatus.OK}:
        return [f"the web app: {page.status_code}, {list(zip(assets, answers, strict=True))}"]
    return []


def _foreign_databases(made: Project) -> list[str]:
    findings: list[str] = []
    for owner in OWNERS:
        for other in OWNERS:
            try:
                psycopg.connect(made.database_url(other, f"lingxi_{owner}")).close()
            except psycopg.OperationalError as error:
                if owner == other or "permission denied" not in str(error):
                    findings.append(f"{owner} at {other}: {error}")
            else:
                if owner != other:
                    findings.append(f"{owner} enters the database of {other}")
    return findings


def _told_anew(made: Project) -> list[str]:
    """An upgrade that changes what NATS is told: `up` makes it anew, and Postgres stays."""
    told = made.folder / "deploy/local/lingxi_local/nats_configuration.py"
    text = told.read_text()
    told.write_text(text.replace("RESPONSES_MAX = 16", "RESPONSES_MAX = 17"))
    before = _ids(made)
    made.run("up")
    after = _ids(made)
    changed = {name for name in before if after.get(name) != before[name]}
    findings = [] if made.containers("nats")[0] in changed else ["NATS was not made anew"]
    if made.containers("postgres")[0] in changed:
        findings.append("Postgres was made anew, for nothing")
    return findings


def _ids(made: Project) -> dict[str, str]:
    return {name: docker("inspect", "-f", "{{.Id}}", name) for name in made.containers()}


async def _kill(container: str) -> None:
    """As a crash would; the engine starts it again by itself, where this machine runs it."""
    before = inspect(container)["State"]["StartedAt"]
    try:
        os.kill(int(docker("inspect", "-f", "{{.State.Pid}}", container)), signal.SIGKILL)
    except PermissionError:
        docker("kill", container)
        docker("start", container)
    await eventually(lambda: inspect(container)["State"]["StartedAt"] != before, BACK_SECONDS_MAX)
