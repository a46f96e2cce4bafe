"""The overlays, rendered."""

from pathlib import Path

import pytest

from lingxi_compose.installation import prepare

from .rendering import K8S, Overlay, render


@pytest.fixture(scope="session")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make k8s-secrets` makes."""
    return prepare(tmp_path_factory.mktemp("kustomize") / ".secrets")


@pytest.fixture(scope="session", params=("dev", "production"))
def overlay(request: pytest.FixtureRequest, secrets: Path) -> Overlay:
    """Each overlay."""
    return render(K8S / request.param, secrets)


@pytest.fixture(scope="session")
def dev(secrets: Path) -> Overlay:
    """The overlay that stands alone."""
    return render(K8S / "dev", secrets)
