"""A Compose installation of its own: files, secrets, containers and volumes, removed at the end."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext

from lingxi_chassis.tls import client_context
from lingxi_compose.choices import CA, PROFILES
from lingxi_compose.engine import ROOT, build
from tests.fixtures.certificates import Authority
from tests.fixtures.servers import reachable_folder
from tests.fixtures.waiting import eventually

IMAGE = "lingxi:local"
BASE_IMAGE = "python:3.13-slim"
SERVERS = ("postgres", "nats", "nats-2", "nats-3")
ADDED_MB_MAX = 160
HEALTHY_SECONDS_MAX = 180.0
NO_LIMITS = {"RATE_LIMIT_PER_USER": "0", "RATE_LIMIT_PER_IP": "0", "LOGIN_RATE_LIMIT": "0"}
"""All users of a try come from one address."""
IMPORTED = ("deploy/compose", "deploy/local")
COPIED = (*IMPORTED, "deploy/observability")
NOT_COPIED = shutil.ignore_patterns(".secrets", "backups", "tests", "__pycache__")
OF_THE_OPERATOR = ("OPENAI_", "LINGXI_", "COMPOSE_", "DATABASE_URL", "NATS_URL", "JWT_")
"""Settings of whoever runs this, that would change what is tried."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What was done, in figures, and what is wrong; a line each."""

    figures: str
    findings: list[str]


def build_image() -> None:
    """From this checkout."""
    build(os.environ, IMAGE)


def image_faults() -> list[str]:
    """Whether it adds more to its base than it may."""
    ours, base = (
        int(docker("image", "inspect", "-f", "{{.Size}}", image)) for image in (IMAGE, BASE_IMAGE)
    )
    added_mb = (ours - base) / 1e6
    if added_mb <= ADDED_MB_MAX:
        return []
    return [f"the image adds {added_mb:.0f} MB to {BASE_IMAGE}, more than {ADDED_MB_MAX}"]


class Project:
    """One installation. `settings` are as in `.env`."""

    def __init__(self, folder: Path, name: str, port: int, settings: Mapping[str, str]) -> None:
        for part in COPIED:
            shutil.copytree(ROOT / part, folder / part, ignore=NOT_COPIED)
        self.folder = folder
        self.name = name
        self.port = port
        kept = {k: v for k, v in os.environ.items() if not k.startswith(OF_THE_OPERATOR)}
        self._env = {
            **kept,
            "LINGXI_PROJECT": name,
            "LINGXI_PORT": str(port),
            "LINGXI_IMAGE": IMAGE,
            "PYTHONPATH": os.pathsep.join(str(folder / part) for part in IMPORTED),
            **settings,
        }

    @property
    def base_url(self) -> str:
        """Of the first gateway."""
        return f"http://127.0.0.1:{self.port}"

    def run(self, *arguments: str) -> str:
        """As `make` does; what it said. Raises CalledProcessError."""
        command = [sys.executable, "-m", "lingxi_compose", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=self._env, check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout

    def compose(self, *arguments: str) -> None:
        """Docker Compose itself."""
        file = self.folder / "deploy" / "compose" / "compose.yaml"
        every = [part for profile in PROFILES for part in ("--profile", profile)]
        docker("compose", "-f", str(file), *every, *arguments, env=self._env)

    def containers(self, service: str = "") -> list[str]:
        """Names, in order; of those that were killed too."""
        labels = [f"label=com.docker.compose.project={self.name}"]
        labels += [f"label=com.docker.compose.service={service}"] if service else []
        filters = [part for label in labels for part in ("--filter", label)]
        return sorted(docker("ps", "-a", "--format", "{{.Names}}", *filters).split())

    def address(self, service: str) -> str:
        """The first container's, which this machine reaches through the bridge."""
        networks = inspect(self.containers(service)[0])["NetworkSettings"]["Networks"]
        (network,) = networks.values()
        return network["IPAddress"]

    def logs(self) -> str:
        """All that all containers have said."""
        return "\n".join(docker("logs", name, both=True) for name in self.containers())

    def state(self) -> str:
        """How its containers are, and what each said last."""
        told = [docker("ps", "-a", "--filter", f"label=com.docker.compose.project={self.name}")]
        for name in self.containers():
            told += [f"--- {name}", docker("logs", "--tail", "15", name, both=True)]
        return "\n".join(told)

    async def healthy(self, names: Sequence[str]) -> None:
        """Wait until these containers are."""
        await eventually(lambda: all(is_healthy(name) for name in names), HEALTHY_SECONDS_MAX)

    def database_url(self, owner: str, user: str = "postgres") -> str:
        """An owner's database, as the superuser or as any role."""
        secret = "postgres" if user == "postgres" else user.replace("lingxi_", "postgres.")
        password = self._secrets[secret]
        return f"postgresql://{user}:{password}@{self.address('postgres')}:5432/lingxi_{owner}"

    def nats_url(self, user: str) -> str:
        """A server, as one of its users."""
        return f"nats://{user}:{self._secrets[f'nats.{user}']}@{self.address('nats')}:4222"

    @property
    def tls(self) -> SSLContext | None:
        """To NATS, if it speaks TLS: of our authority; we call it by its address, not its name."""
        if "TLS_FOLDER" not in self._env:
            return None
        context = client_context(Path(self._env["TLS_FOLDER"]) / CA)
        context.check_hostname = False
        return context

    @property
    def _secrets(self) -> dict[str, str]:
        return json.loads((self.folder / "deploy/compose/.secrets/secrets.json").read_text())


@contextmanager
def certified() -> Generator[str]:
    """A `TLS_FOLDER`: an authority, and what it signed for all servers."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        authority = Authority(folder)
        made = authority.certificate(*SERVERS)
        authority.file.rename(folder / CA)
        made.cert_file.rename(folder / "cert.pem")
        made.key_file.rename(folder / "key.pem")
        yield name


@contextmanager
def project(name: str, port: int, **settings: str) -> Generator[Project]:
    """An installation without data; nothing of it is left."""
    with reachable_folder() as folder:
        made = Project(folder / name, name, port, settings)
        try:
            yield made
        except BaseException as error:
            error.add_note(made.state())
            raise
        finally:
            made.run("down", "--volumes", "--remove-orphans")


def docker(*arguments: str, env: Mapping[str, str] | None = None, both: bool = False) -> str:
    """One command; what it said. Raises CalledProcessError."""
    errors = subprocess.STDOUT if both else None
    done = subprocess.run(
        ["docker", *arguments],
        env=env,
        check=True,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    )
    return done.stdout


def inspect(container: str) -> dict[str, "dict[str, dict[str, dict[str, str]]]"]:
    """What the engine knows of a container."""
    return json.loads(docker("inspect", container))[0]


def is_healthy(container: str) -> bool:
    """Whether its health check says so."""
    return docker("inspect", "-f", "{{.State.Health.Status}}", container).strip() == "healthy"
