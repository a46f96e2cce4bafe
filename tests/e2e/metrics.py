"""What a running service tells a Prometheus."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families

from lingxi_local.ports import LOOPBACK
from tests.fixtures.system import RunningSystem


@dataclass(frozen=True)
class Metrics:
    """The samples of one answer."""

    names: frozenset[str]
    """Of series, with or without a sample so far."""
    samples: Mapping[str, list[tuple[Mapping[str, str], float]]]

    def total(self, name: str, **labels: str) -> float:
        """The sum of the samples that have these labels."""
        return sum(
            value for found, value in self.samples.get(name, ()) if labels.items() <= found.items()
        )

    def label_values(self) -> Iterable[str]:
        """All of them."""
        for series in self.samples.values():
            for labels, _ in series:
                yield from labels.values()


async def metrics_of(system: RunningSystem, service: str) -> Metrics:
    """What a service of a local system measures right now."""
    env = system.local.children[service].recipe.command.env
    url = f"http://{LOOPBACK}:{env['LINGXI_INTERNAL_PORT']}/metrics"
    async with httpx.AsyncClient(timeout=30) as http:
        answer = await http.get(url)
    answer.raise_for_status()
    names: set[str] = set()
    samples: dict[str, list[tuple[Mapping[str, str], float]]] = {}
    for family in text_string_to_metric_families(answer.text):
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
        names |= {family.name + suffix for suffix in suffixes.get(family.type, ("",))}
        for sample in family.samples:
            samples.setdefault(sample.name, []).append((sample.labels, sample.value))
    return Metrics(frozenset(names | samples.keys()), samples)
