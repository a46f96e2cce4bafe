"""Which system account Postgres runs as, and what that account can reach.

Postgres refuses to run as root. Started by root, it runs as the owner of an existing data
directory, else as `nobody`, else as the first ordinary account. Permissions of parent folders are
never changed: what the account can't reach is put where it can.
"""

import os
import pwd
import subprocess
from pathlib import Path

from lingxi_local.process import Account, StartFailed

FIRST_ORDINARY_UID = 1000
PREFERRED_NAMES = ("nobody",)


def postgres_account(data_dir: Path) -> Account | None:
    """The account to run as, or None for our own (when that isn't root). Raises `StartFailed`."""
    if os.geteuid() != 0:
        return None
    if data_dir.exists() and data_dir.stat().st_uid != 0:
        status = data_dir.stat()
        return Account(status.st_uid, status.st_gid)
    entries = [entry for entry in pwd.getpwall() if entry.pw_uid != 0]
    preferred = [entry for entry in entries if entry.pw_name in PREFERRED_NAMES]
    ordinary = [entry for entry in entries if entry.pw_uid >= FIRST_ORDINARY_UID]
    for entry in preferred + ordinary:
        return Account(entry.pw_uid, entry.pw_gid)
    raise StartFailed("Postgres", "it refuses to run as root, and there is no other account")


def can_enter(account: Account | None, folder: Path) -> bool:
    """Whether the account reaches into `folder`; tried, not computed, so that ACLs count."""
    return succeeds(account, ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)])


def succeeds(account: Account | None, argv: list[str]) -> bool:
    """Whether a command run as the account exits with 0."""
    try:
        result = subprocess.run(
            argv,
            user=None if account is None else account.uid,
            group=None if account is None else account.gid,
            extra_groups=None if account is None else [],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except PermissionError:
        return False
    return result.returncode == 0
