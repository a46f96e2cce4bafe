"""What an operator is given: the queries of dashboards and alerts, and the runbook's entries."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "observability"
DASHBOARDS = sorted((FOLDER / "grafana" / "dashboards").glob("*.json"))
ALERTS = FOLDER / "alerts.yml"
RUNBOOK = ROOT / "docs" / "runbook.md"
RATE_INTERVAL = "$__rate_interval"

_metric = re.compile(r"\b(?:lingxi|process)_[a-z_]+\b|\bup\b")
_selector = re.compile(rf"(?:{_metric.pattern})(?:\{{[^}}]*\}})?")
_entry = re.compile(r"^## (\w+)$", re.MULTILINE)


def panels(dashboard: Path) -> list[Mapping[str, Any]]:
    """The panels that show something."""
    return [one for one in json.loads(dashboard.read_text())["panels"] if one["type"] != "row"]


def shown() -> Iterator[tuple[str, str]]:
    """Where a query stands in the dashboards, and the query."""
    for dashboard in DASHBOARDS:
        for panel in panels(dashboard):
            for target in panel["targets"]:
                where = f"{dashboard.stem}: {panel['title']}: {target['legendFormat']}"
                yield where, target["expr"]


def alerts() -> list[Mapping[str, Any]]:
    """The alert rules."""
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def runbook() -> dict[str, str]:
    """The runbook's entries by name."""
    _, *parts = _entry.split(RUNBOOK.read_text())
    return dict(zip(parts[::2], parts[1::2], strict=True))


def metrics_in(query: str) -> set[str]:
    """The names of the series that a query reads."""
    return set(_metric.findall(query))


def selectors_in(query: str) -> set[str]:
    """The same with their labels, as they stand in it."""
    return set(_selector.findall(query))


def all_metrics() -> dict[str, set[str]]:
    """Where they are read, by the name of the series."""
    found: dict[str, set[str]] = {}
    queries = [*shown(), *((f"alert {one['alert']}", one["expr"]) for one in alerts())]
    for where, query in queries:
        for name in metrics_in(query):
            found.setdefault(name, set()).add(where)
    return found
