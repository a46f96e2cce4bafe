"""What the operator chose: settings from the environment and `.env`, and what follows from them.

Standard library only.
"""

import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lingxi_compose.engine import ROOT

SIMULATOR_URL = "http://simulator:8100/v1"
SIMULATOR = "simulator"
CLUSTER = "cluster"
OBSERVABILITY = "observability"
PROFILES = (SIMULATOR, CLUSTER, OBSERVABILITY)
COLLECTOR_URL = "http://collector:4318"
CLUSTER_NATS_NODES = 3
CLUSTER_REPLICAS = 2
DEFAULT_PORT = "8000"
PLACEHOLDERS = ("change-me", "changeme", "your-", "example", "placeholder", "<")
"""What the beginning of a value looks like that nobody filled in."""
OWN_SERVERS = ("DATABASE_URL", "NATS_URL", "NATS_CA_FILE", "NATS_CERT_FILE", "NATS_KEY_FILE")
CA, OF_THE_SERVERS = "ca.pem", ("cert.pem", "key.pem")
"""In `TLS_FOLDER`: an authority; a certificate that names all servers, and its key."""


class Refused(Exception):
    """Nothing was done, for this reason."""


@dataclass(frozen=True)
class Choice:
    """What Compose is called with."""

    env: Mapping[str, str]
    profiles: Sequence[str]

    @property
    def nats_nodes(self) -> int:
        """How many NATS servers there are."""
        return CLUSTER_NATS_NODES if CLUSTER in self.profiles else 1

    @property
    def tls(self) -> bool:
        """Whether the servers speak TLS, and nothing else to our services."""
        return "TLS_FOLDER" in self.env

    @property
    def addresses(self) -> Sequence[str]:
        """URLs of the gateways on this machine."""
        first, _, last = self.env["LINGXI_PORTS"].partition("-")
        return [f"http://127.0.0.1:{port}" for port in range(int(first), int(last or first) + 1)]


def settings(environment: Mapping[str, str], env_file: Path) -> dict[str, str]:
    """The environment over `.env`, whose empty lines and comments are passed over."""
    lines = env_file.read_text().splitlines() if env_file.exists() else []
    pairs = (line.split("#", 1)[0].partition("=") for line in lines)
    read = {
        name.strip(): value.strip() for name, equals, value in pairs if equals and value.strip()
    }
    return read | {name: value for name, value in environment.items() if value}


def choose(read: Mapping[str, str]) -> Choice:
    """What follows from the settings: the simulator without a model, ports, replicas, files.

    Raises:
        Refused: a secret is a placeholder, or a setting can't be followed here.
    """
    profiles = [name for name in read.get("COMPOSE_PROFILES", "").split(",") if name]
    _check(read, profiles)
    env = dict(read)
    if not (read.get("OPENAI_API_KEY") or read.get("OPENAI_BASE_URL")):
        env |= {"OPENAI_BASE_URL": SIMULATOR_URL, "OPENAI_API_KEY": "simulator"}
        profiles.append(SIMULATOR)
    if "SAFETY_RULES_FILE" in read:
        rules = _readable_by_others("SAFETY_RULES_FILE", ROOT / read["SAFETY_RULES_FILE"])
        env["SAFETY_RULES_FILE"] = str(rules)
    if "TLS_FOLDER" in read:
        folder = (ROOT / read["TLS_FOLDER"]).resolve()
        for name in OF_THE_SERVERS:
            _there("TLS_FOLDER", folder / name)
        env["TLS_FOLDER"] = str(folder)
        env["LINGXI_CA_FILE"] = str(_readable_by_others("TLS_FOLDER", folder / CA))
    port = read.get("LINGXI_PORT", DEFAULT_PORT)
    env["LINGXI_PORTS"] = port
    if CLUSTER in profiles:
        env["LINGXI_PORTS"] = f"{port}-{int(port) + CLUSTER_REPLICAS - 1}"
        env["LINGXI_REPLICAS"] = str(CLUSTER_REPLICAS)
        env.setdefault("NATS_STREAM_REPLICAS", str(CLUSTER_NATS_NODES))
    if OBSERVABILITY in profiles:
        env.setdefault("OTEL_EXPORTER_OTLP_ENDPOINT", COLLECTOR_URL)
    return Choice(env, profiles)


def _check(read: Mapping[str, str], profiles: Sequence[str]) -> None:
    if read.get("OPENAI_API_KEY", "").lower().startswith(PLACEHOLDERS):
        raise Refused("OPENAI_API_KEY holds a placeholder: set a real one, or none: the simulator")
    for name in OWN_SERVERS:
        if name in read:
            raise Refused(f"{name} is set, but Compose brings servers of its own: unset it")
    for profile in profiles:
        if profile not in PROFILES:
            raise Refused(f"there is no profile {profile}: {', '.join(PROFILES)}")
    if not read.get("LINGXI_PORT", DEFAULT_PORT).isdecimal():
        raise Refused("LINGXI_PORT is not a port")


def _readable_by_others(name: str, path: Path) -> Path:
    """The file's absolute path. In the container, an account of no rights reads it."""
    if not _there(name, path).stat().st_mode & stat.S_IROTH:
        raise Refused(f"{name}: the containers can't read it (chmod o+r {path})")
    return path.resolve()


def _there(name: str, path: Path) -> Path:
    if not path.is_file():
        raise Refused(f"{name}: no file {path}")
    return path
