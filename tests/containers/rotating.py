"""A new key that signs tokens, by `make rotate-key` and `make up`, twice: nobody is logged out."""

import asyncio
import json
import subprocess
from contextlib import suppress

import httpx
import jwt

from lingxi_compose.installation import SECRETS
from lingxi_compose.rotation import ANNOUNCED_SECONDS, KNOWN_SINCE
from tests.containers.project import Project
from tests.e2e.client import User, log_in

STEPS = 2
"""The next key is made known; then it signs."""


async def rotate(made: Project, user: User) -> list[str]:
    """What is wrong once `user`, logged in before, has gone through all steps."""
    first = _key(user.access)
    findings: list[str] = []
    kids = {first}
    async with httpx.AsyncClient(base_url=made.base_url, trust_env=False) as anyone:
        for step in range(STEPS):
            if step:
                findings += await asyncio.to_thread(_too_early, made)
            await asyncio.to_thread(made.run, "rotate-key")
            await asyncio.to_thread(made.run, "up")
            await user.get("/api/sessions/")
            known = (await anyone.get("/.well-known/jwks.json")).json()["keys"]
            kids = {key["kid"] for key in known}
            if first not in kids or len(kids) != STEPS:
                findings.append(f"keys told after a step: {kids}, first {first}")
        tokens = await log_in(anyone, user.username)
        if (new := _key(tokens["access"])) == first or new not in kids:
            findings.append(f"signed with {new}, known {kids}, first {first}")
        answer = await anyone.post("/api/auth/refresh/", json={"refresh": user.refresh})
        if not answer.is_success or _key(answer.json()["access"]) != new:
            findings.append(f"the old refresh token: {answer.status_code}")
    return findings


def _too_early(made: Project) -> list[str]:
    """What a second step at once says; then the first one has been known for long enough."""
    findings: list[str] = []
    with suppress(subprocess.CalledProcessError):
        made.run("rotate-key")
        findings.append("a key that nobody knows was to sign at once")
    path = made.folder / "deploy/compose/.secrets" / SECRETS
    kept: dict[str, str] = json.loads(path.read_text())
    kept[KNOWN_SINCE] = str(float(kept[KNOWN_SINCE]) - ANNOUNCED_SECONDS)
    path.write_text(json.dumps(kept))
    return findings


def _key(token: str) -> str:
    return jwt.get_unverified_header(token)["kid"]
