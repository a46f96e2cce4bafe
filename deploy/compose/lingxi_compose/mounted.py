"""What is in the files that containers mount: Compose compares its own file only, and would leave a
server on a configuration that is no more. So `make up` tells it, as labels. Standard library only.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

from lingxi_compose.engine import HERE

OBSERVABILITY = HERE.parent / "observability"


def fingerprints(env: Mapping[str, str], secrets: Path) -> dict[str, str]:
    """By the variables of compose.yaml. Of no file, as of an empty one."""
    rules = [Path(env["SAFETY_RULES_FILE"])] if "SAFETY_RULES_FILE" in env else []
    return {
        "LINGXI_NATS_FILES": _fingerprint(secrets.glob("nats*.conf")),
        "LINGXI_SAFETY_FILES": _fingerprint(rules),
        "LINGXI_OBSERVABILITY_FILES": _fingerprint(OBSERVABILITY.rglob("*.*")),
    }


def _fingerprint(paths: Iterable[Path]) -> str:
    found = sha256()
    for path in sorted(path for path in paths if path.is_file()):
        found.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()
