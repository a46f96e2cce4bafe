"""`.env.example` names every setting of every service, with the default it has."""

import importlib
import re
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from lingxi_local.services import SERVICES, Service
from lingxi_local.settings import LocalSettings

ROOT = Path(__file__).parents[3]
# What is not a plain value has no default to write down.
UNWRITTEN = (PydanticUndefined, None, ())


def example() -> dict[str, str]:
    """Settings and defaults of `.env.example`."""
    line = re.compile(r"^#([A-Z_]+)=(\S*)", re.MULTILINE)
    found: list[tuple[str, str]] = line.findall((ROOT / ".env.example").read_text())
    return dict(found)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_setting_of_a_service_is_there_with_its_default(service: Service) -> None:
    module = importlib.import_module(f"{service.module}.settings")
    settings: type[BaseSettings] = module.Settings
    _agrees({field.alias or name: field.default for name, field in settings.model_fields.items()})


def test_every_setting_of_local_mode_is_there_with_its_default() -> None:
    fields = {
        field.alias or name: field.default for name, field in LocalSettings.model_fields.items()
    }
    del fields["MODEL"]  # an argument of `make run`, not a setting
    _agrees(fields)


def _agrees(defaults: dict[str, object]) -> None:
    written = example()
    assert defaults.keys() <= written.keys()
    plain = {name: value for name, value in defaults.items() if value not in UNWRITTEN}
    for name, value in plain.items():
        if "**" in str(value) or str(value) == "none":  # a secret's
            continue
        assert written[name] == str(value).lower() or written[name] == str(value), name
