"""`make audit`: licences of what we build on, and what is known against the locked versions.

Exits 1 for a licence nobody has allowed, a known vulnerability, and whatever could not be asked
about: where the advisory service is out of reach, nothing is said to be fine.
"""

import json
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from licences import ROOT, objections

UV = Path(sysconfig.get_path("scripts")) / "uv"
# Run from a place of its own: it is no part of what it looks at.
PIP_AUDIT = ("tool", "run", "pip-audit==2.10.1", "--disable-pip", "--require-hashes")
AUDITED = ("requirements-image.lock", "requirements.lock")
ANSWER_SECONDS_MAX = 600


def main() -> None:
    """One line a finding, one for each part."""
    objected = objections()
    for name, licence in objected.items():
        print(f"licence of {name}: {licence or 'not told'}")
    print(f"licences: {f'{len(objected)} to look at' if objected else 'all allowed'}")
    fine = [_audited(lock) for lock in AUDITED]
    sys.exit(0 if not objected and all(fine) else 1)


def _audited(lock: str) -> bool:
    """Whether nothing is known against anything in it."""
    asked = subprocess.run(
        [UV, *PIP_AUDIT, "--progress-spinner", "off", "--format", "json", "-r", ROOT / lock],
        capture_output=True,
        text=True,
        check=False,
        timeout=ANSWER_SECONDS_MAX,
    )
    try:
        told: list[dict[str, Any]] = json.loads(asked.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(f"{lock}: NOT AUDITED: {(asked.stderr.strip().splitlines() or ['no answer'])[-1]}")
        return False
    for package in told:
        for known in package.get("vulns", ()):
            mended = ", ".join(known["fix_versions"]) or "nothing yet"
            print(
                f"{lock}: {package['name']} {package['version']}: {known['id']}, mended in {mended}"
            )
    skipped = sum("skip_reason" in package for package in told)
    if skipped:
        print(f"{lock}: NOT AUDITED: {skipped} of {len(told)}; the advisory service knows nothing")
        return False
    found = sum(len(package["vulns"]) for package in told)
    print(f"{lock}: {found} known vulnerabilities in {len(told)} packages")
    return found == 0


if __name__ == "__main__":
    main()
