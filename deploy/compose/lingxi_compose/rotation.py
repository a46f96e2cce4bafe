"""A new key that signs tokens, in steps between which nobody is logged out. Standard library only.

1. The next key is announced: from the `up` after that on, every gateway knows it.
2. It signs, once whoever reads the key set has had the time to hear of it. The last one stays known
   until this step of the next time, which waits until no token of it is good any more.
"""

import json
from calendar import timegm
from collections.abc import Callable, Mapping
from pathlib import Path
from time import gmtime

from lingxi_compose.choices import Refused
from lingxi_compose.installation import (
    FOLDER,
    LAST_KEY,
    NEXT_KEY,
    SECRETS,
    SIGNING_KEY,
    new_key,
    prepare,
    write_private,
)

KNOWN_SINCE = "jwt.next-known-since"
SIGNS_SINCE = "jwt.signs-since"
"""When `up` ended, the first one after a step: seconds since 1970."""
ANNOUNCED_SECONDS = 300.0
"""For so long a copy of the key set may be kept."""
DAY_SECONDS = 86_400
DAYS_BY_DEFAULT = "7"
"""REFRESH_TOKEN_DAYS, as the gateway has it."""

type Now = Callable[[], float]


def _now() -> float:
    return timegm(gmtime())


def rotate_key(read: Mapping[str, str], folder: Path = FOLDER, now: Now = _now) -> str:
    """Take the next step; what is to be done then. Raises Refused: it is too early for it."""
    path = prepare(folder) / SECRETS
    kept: dict[str, str] = json.loads(path.read_text())
    if NEXT_KEY not in kept:
        kept[NEXT_KEY] = new_key()
        told = (
            "The next key is made: run `make up`; after five minutes rotate again, to sign with it."
        )
    else:
        _wait(kept, KNOWN_SINCE, ANNOUNCED_SECONDS, now, "the next key is not known everywhere")
        if LAST_KEY in kept:
            days = float(read.get("REFRESH_TOKEN_DAYS", DAYS_BY_DEFAULT))
            _wait(kept, SIGNS_SINCE, days * DAY_SECONDS, now, "tokens of the last key are good")
        kept |= {LAST_KEY: kept[SIGNING_KEY], SIGNING_KEY: kept.pop(NEXT_KEY)}
        del kept[KNOWN_SINCE]
        kept.pop(SIGNS_SINCE, None)
        told = "The new key signs: run `make up`. Tokens of the last one are good until they end."
    write_private(path, json.dumps(kept, indent=2) + "\n")
    prepare(folder)
    return told


def came_up(folder: Path = FOLDER, now: Now = _now) -> None:
    """All gateways run with the keys that there are: a step counts from here on."""
    path = folder / SECRETS
    kept: dict[str, str] = json.loads(path.read_text())
    since = {NEXT_KEY: KNOWN_SINCE, LAST_KEY: SIGNS_SINCE}
    new = {mark: str(now()) for key, mark in since.items() if key in kept and mark not in kept}
    if new:
        write_private(path, json.dumps(kept | new, indent=2) + "\n")


def _wait(kept: Mapping[str, str], mark: str, seconds: float, now: Now, why: str) -> None:
    if mark not in kept:
        raise Refused("`make up` first, for the gateways don't know of the last step")
    left = float(kept[mark]) + seconds - now()
    if left > 0:
        unit, size = ("days", DAY_SECONDS) if left > DAY_SECONDS else ("seconds", 1)
        raise Refused(f"{why}: {left / size:.1f} {unit} too early")
