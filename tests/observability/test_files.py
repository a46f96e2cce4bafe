"""Each alert has its entry in the runbook, and each panel reads something in its place."""

import re
from pathlib import Path

import pytest
import yaml

from lingxi_local.services import SERVICES
from tests.observability.files import (
    ALERTS,
    DASHBOARDS,
    FOLDER,
    RUNBOOK,
    alerts,
    metrics_in,
    panels,
    runbook,
)

LOOK = "**Look.**"
PARTS = ("**Means.**", "**Causes.**", LOOK, "**Do.**")
DASHBOARD_COLUMNS = 24
_quoted = re.compile(r'"([^"]+)"')


def test_each_alert_has_an_entry_in_the_runbook_and_each_entry_an_alert() -> None:
    names = [rule["alert"] for rule in alerts()]
    assert len(names) == len(set(names))
    assert list(runbook()) == names


def test_each_entry_says_what_it_means_and_what_to_do() -> None:
    for name, entry in runbook().items():
        places = [entry.find(part) for part in PARTS]
        assert -1 not in places, name
        assert places == sorted(places), name


def test_the_runbook_looks_at_panels_that_there_are() -> None:
    titles = [panel["title"] for dashboard in DASHBOARDS for panel in panels(dashboard)]
    looks = [line for line in RUNBOOK.read_text().splitlines() if line.startswith(LOOK)]
    named = {name for line in looks for name in _quoted.findall(line)}
    assert named
    assert not {name for name in named if not any(one.startswith(name) for one in titles)}


def test_each_alert_reads_a_metric_and_says_how_bad_it_is() -> None:
    for rule in alerts():
        assert metrics_in(rule["expr"]), rule["alert"]
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"].endswith(".")


def test_an_alert_for_every_service_that_is_away() -> None:
    (away,) = [rule["expr"] for rule in alerts() if rule["alert"] == "ServiceAway"]
    assert {one.name for one in SERVICES if f'service="{one.name}"' in away} == {
        one.name for one in SERVICES
    }
    scraped = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"][0]
    assert scraped["job_name"] == "lingxi"
    assert set(scraped["dns_sd_configs"][0]["names"]) == {one.name for one in SERVICES}
    assert ALERTS.name in yaml.safe_load((FOLDER / "prometheus.yml").read_text())["rule_files"][0]


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_panels_lie_side_by_side_and_ask_the_provisioned_source(dashboard: Path) -> None:
    folder = FOLDER / "grafana" / "provisioning" / "datasources"
    (source,) = yaml.safe_load((folder / "prometheus.yaml").read_text())["datasources"]
    taken: set[tuple[int, int]] = set()
    for panel in panels(dashboard):
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= DASHBOARD_COLUMNS
        cells = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
        assert panel["datasource"]["uid"] == source["uid"]
        assert all(metrics_in(target["expr"]) for target in panel["targets"]), panel["title"]
