"""The feed of one user, followed through everything: it comes back with the last id it got."""

import asyncio
from http import HTTPStatus

import httpx

from tests.chaos.somebody import Somebody
from tests.e2e.client import connection
from tests.e2e.feed import Frame, feed

PAUSE_SECONDS = 0.1
SILENCE_SECONDS_MAX = 20.0
"""Longer than the feed's own signs of life are apart."""


async def follow(me: Somebody) -> None:
    """Take what the feed tells until cancelled, or until the account is gone."""
    cursor = ""
    async with connection(me.base_url, me.access) as http:
        http.timeout = SILENCE_SECONDS_MAX
        while not me.journal.left:
            try:
                async with feed(http, cursor) as told:
                    async for frame in told:
                        cursor = frame.id or cursor
                        _note(me, frame)
            except httpx.HTTPStatusError as error:
                status = error.response.status_code
                if status == HTTPStatus.UNAUTHORIZED and me.journal.leaving:
                    return
                if status != HTTPStatus.SERVICE_UNAVAILABLE:
                    me.journal.complaints.append(f"the feed answered {status}")
            except httpx.HTTPError:
                pass
            await asyncio.sleep(PAUSE_SECONDS)


def _note(me: Somebody, frame: Frame) -> None:
    journal = me.journal
    if frame.event == "reset":
        journal.spans.append([])
        journal.done[f"reset {frame.data['reason']}"] += 1
    elif frame.id and frame.event != "ready":
        journal.spans[-1].append(frame)
        journal.done["feed"] += 1


def has_told(me: Somebody, turn_id: str | None) -> bool:
    """Whether the feed told the end of a turn."""
    return any(
        frame.event in ("turn_completed", "turn_failed") and frame.data["turn_id"] == turn_id
        for span in me.journal.spans
        for frame in span
    )
