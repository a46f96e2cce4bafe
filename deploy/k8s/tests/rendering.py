"""What `kubectl kustomize` makes of an overlay, as far as ours go, so that tests need no kubectl.

Names keep no hash of their content. What a kustomization asks for that is not known here is an
error: then this has to learn it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

K8S = Path(__file__).parents[1]
KNOWN = frozenset(
    (
        "apiVersion",
        "kind",
        "namespace",
        "resources",
        "images",
        "configMapGenerator",
        "secretGenerator",
    )
)

type Manifest = dict[str, Any]


@dataclass
class Overlay:
    """A rendered overlay. `settings`: what is in each config map and secret, by its name."""

    manifests: list[Manifest] = field(default_factory=list[Manifest])
    settings: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def of_kind(self, *kinds: str) -> list[Manifest]:
        """The manifests of these kinds."""
        return [one for one in self.manifests if one["kind"] in kinds]

    @property
    def pods(self) -> Iterator[tuple[str, Manifest]]:
        """Name and pod template of all that runs."""
        for one in self.of_kind("Deployment", "StatefulSet", "Job"):
            yield one["metadata"]["name"], one["spec"]["template"]

    @property
    def containers(self) -> Iterator[tuple[str, Manifest]]:
        """Name and container of all that runs."""
        for name, template in self.pods:
            for container in template["spec"]["containers"]:
                yield name, container

    def environment(self, container: Manifest) -> dict[str, str]:
        """What a container is given, as far as the overlay itself knows it."""
        found: dict[str, str] = {}
        for source in container.get("envFrom", ()):
            (kind,) = source.keys() & {"configMapRef", "secretRef"}
            found |= self.settings.get(source[kind]["name"], {})
        return found


def fits(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a selector matches these labels."""
    expressions = selector.get("matchExpressions", ())
    assert all(one["operator"] == "In" for one in expressions)
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(one["key"]) in one["values"] for one in expressions
    )


def chosen(overlay: Overlay, selector: Mapping[str, Any]) -> list[Manifest]:
    """The pod templates that a selector matches."""
    return [pod for _, pod in overlay.pods if fits(selector, pod["metadata"]["labels"])]


def served(pod: Manifest) -> dict[str, int]:
    """A pod's ports by name."""
    ports = [port for one in pod["spec"]["containers"] for port in one.get("ports", ())]
    return {port["name"]: port["containerPort"] for port in ports}


def render(folder: Path, secrets: Path) -> Overlay:
    """An overlay; `secrets` is read where it says `.secrets/`."""
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    assert kustomization.keys() <= KNOWN, f"{folder}: {kustomization.keys() - KNOWN} is not known"
    made = Overlay()
    for resource in kustomization["resources"]:
        path = folder / resource
        if path.is_dir():
            below = render(path, secrets)
            made.manifests += below.manifests
            made.settings |= below.settings
        else:
            made.manifests += list(yaml.safe_load_all(path.read_text()))
    for generator in ("configMapGenerator", "secretGenerator"):
        for one in kustomization.get(generator, ()):
            kept = made.settings.setdefault(one["name"], {})
            assert (one.get("behavior") == "merge") == bool(kept), one
            kept |= _generated(one, secrets)
    for container in (container for _, container in made.containers):
        container["image"] = _image(container["image"], kustomization.get("images", ()))
    for one in made.manifests:
        if "namespace" in kustomization and one["kind"] != "Namespace":
            one["metadata"]["namespace"] = kustomization["namespace"]
    return made


def _generated(generator: Manifest, secrets: Path) -> dict[str, str]:
    assert generator.keys() <= {"name", "behavior", "literals", "envs", "files"}
    lines = list(generator.get("literals", ()))
    for path in generator.get("envs", ()):
        lines += (secrets / Path(path).name).read_text().splitlines()
    pairs = (line.partition("=") for line in lines)
    found = {name: value for name, _, value in pairs}
    files = (secrets / Path(path).name for path in generator.get("files", ()))
    return found | {file.name: file.read_text() for file in files}


def _image(image: str, replaced: list[dict[str, str]]) -> str:
    for one in replaced:
        if one["name"] == image:
            return f"{one['newName']}:{one['newTag']}"
    return image
