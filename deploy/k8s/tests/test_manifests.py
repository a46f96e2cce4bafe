"""The rendered manifests: valid, and what one of them names is there in another."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import kubernetes_validate  # pyright: ignore[reportMissingTypeStubs]
import yaml

from lingxi_local.services import SERVICES

from .rendering import K8S, Manifest, Overlay, chosen, fits, render, served

KUBERNETES = "1.31"
"""The oldest that these manifests are for: `preStop.sleep` is on by default since 1.30."""
FEED_SECONDS = 3600
"""A feed that is quiet for so long is not cut by a proxy in between."""


def test_each_is_valid_and_nothing_in_it_unknown(overlay: Overlay) -> None:
    for manifest in overlay.manifests:
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    named = [(one["kind"], one["metadata"]["name"]) for one in overlay.manifests]
    assert len(named) == len(set(named))


def test_selectors_match(overlay: Overlay) -> None:
    for one in overlay.of_kind("Deployment", "StatefulSet"):
        template = one["spec"]["template"]
        assert fits(one["spec"]["selector"], template["metadata"]["labels"]), one["metadata"]
        assert chosen(overlay, one["spec"]["selector"]) == [template], one["metadata"]
        for spread in template["spec"].get("topologySpreadConstraints", ()):
            assert chosen(overlay, spread["labelSelector"]) == [template]
    for one in overlay.of_kind("Service"):
        assert len(chosen(overlay, {"matchLabels": one["spec"]["selector"]})) == 1
    for one in overlay.of_kind("PodDisruptionBudget"):
        assert len(chosen(overlay, one["spec"]["selector"])) == 1
    for selector in _of_policies(overlay):
        assert chosen(overlay, selector), selector


def _of_policies(overlay: Overlay) -> Iterator[Mapping[str, Any]]:
    for one in overlay.of_kind("NetworkPolicy"):
        yield one["spec"]["podSelector"]
        for peer in _peers(one):
            if "namespaceSelector" not in peer:  # else it may be somewhere else
                yield peer["podSelector"]


def _peers(policy: Manifest) -> list[Mapping[str, Any]]:
    return [peer for rule in policy["spec"].get("ingress", ()) for peer in rule.get("from", ())]


def test_each_port_that_a_rule_names_is_served(overlay: Overlay) -> None:
    for one in overlay.of_kind("Service"):
        (pod,) = chosen(overlay, {"matchLabels": one["spec"]["selector"]})
        assert {port["targetPort"] for port in one["spec"]["ports"]} <= served(pod).keys()
    for one in overlay.of_kind("NetworkPolicy"):
        rules = one["spec"].get("ingress", ())
        named = {port["port"] for rule in rules for port in rule["ports"]}
        for pod in chosen(overlay, one["spec"]["podSelector"]):
            assert named <= served(pod).keys(), one["metadata"]
    services = {one["metadata"]["name"]: one for one in overlay.of_kind("Service")}
    for one in overlay.of_kind("Ingress"):
        for rule in one["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                to = path["backend"]["service"]
                ports = services[to["name"]]["spec"]["ports"]
                assert to["port"]["name"] in {port["name"] for port in ports}


def test_only_what_needs_a_server_reaches_it(dev: Overlay) -> None:
    """Who is given the address of one, and nobody else, is let in by its policy."""
    assert _reaching(dev, "postgres") == _given(dev, "postgres:5432")
    assert _reaching(dev, "nats") == _given(dev, "nats:4222")
    assert _reaching(dev, "lingxi-simulator") == _given(dev, "lingxi-simulator:8100")


def _reaching(overlay: Overlay, name: str) -> set[str]:
    pods = dict(overlay.pods)
    labels = pods[name]["metadata"]["labels"]
    peers = [
        peer["podSelector"]
        for policy in overlay.of_kind("NetworkPolicy")
        if fits(policy["spec"]["podSelector"], labels)
        for peer in _peers(policy)
        if "namespaceSelector" not in peer
    ]
    return {
        other
        for other, pod in overlay.pods
        if any(fits(peer, pod["metadata"]["labels"]) for peer in peers)
    }


def _given(overlay: Overlay, address: str) -> set[str]:
    return {
        name
        for name, container in overlay.containers
        for value in overlay.environment(container).values()
        if f"@{address}" in value or f"//{address}" in value
    }


def test_the_ingress_alone_says_where_a_request_comes_from(secrets: Path) -> None:
    """Guards limits and logs: an address is believed from whom nobody else can pose as."""
    production = render(K8S / "production", secrets)
    gateway = dict(production.pods)["lingxi-gateway"]
    for value in production.settings["lingxi"]["TRUSTED_PROXIES"].split(","):
        assert ip_network(value).num_addresses <= 2**8
    peers = [
        peer
        for policy in production.of_kind("NetworkPolicy")
        if fits(policy["spec"]["podSelector"], gateway["metadata"]["labels"])
        for rule in policy["spec"].get("ingress", ())
        if "http" in {port["port"] for port in rule["ports"]}
        for peer in rule.get("from", [{}])
    ]
    assert [set(peer) for peer in peers] == [{"namespaceSelector", "podSelector"}]


def test_metrics_are_scraped_with_the_labels_that_alerts_read(dev: Overlay) -> None:
    """Guards ServiceAway: every service is a target under its own name."""
    (job,) = yaml.safe_load((K8S / "examples/prometheus.yaml").read_text())["scrape_configs"]
    assert job["job_name"] == "lingxi"
    *kept, named = job["relabel_configs"]
    assert [one["regex"] for one in kept] == ["lingxi", "internal"]
    assert named["target_label"] == "service"
    scraped = {
        pod["metadata"]["labels"]["app.kubernetes.io/component"]
        for _, pod in dev.pods
        if pod["metadata"]["labels"]["app.kubernetes.io/name"] == kept[0]["regex"]
        and kept[1]["regex"] in served(pod)
    }
    assert scraped == {service.name for service in SERVICES}


def test_a_feed_is_not_held_back_by_the_ingress(overlay: Overlay) -> None:
    for one in overlay.of_kind("Ingress"):
        notes = one["metadata"]["annotations"]
        prefix = "nginx.ingress.kubernetes.io"
        assert notes[f"{prefix}/proxy-buffering"] == "off"
        assert int(notes[f"{prefix}/proxy-read-timeout"]) >= FEED_SECONDS
        assert one["spec"]["tls"]


def test_every_service_outlives_a_node_and_the_gateway_grows(overlay: Overlay) -> None:
    deployments = overlay.of_kind("Deployment")
    budgets = [one["spec"]["selector"] for one in overlay.of_kind("PodDisruptionBudget")]
    grown = {
        one["spec"]["scaleTargetRef"]["name"]: one["spec"]["minReplicas"]
        for one in overlay.of_kind("HorizontalPodAutoscaler")
    }
    assert grown.keys() == {"lingxi-gateway"}
    for one in deployments:
        name, template = one["metadata"]["name"], one["spec"]["template"]
        if name == "lingxi-simulator":
            continue
        assert ("replicas" in one["spec"]) != (name in grown), name
        assert grown.get(name, one["spec"].get("replicas")) >= 2
        assert any(fits(budget, template["metadata"]["labels"]) for budget in budgets), name
        assert template["spec"]["topologySpreadConstraints"]


def test_what_is_only_an_example_says_so() -> None:
    examples = sorted((K8S / "examples").glob("*.yaml"))
    assert examples
    for example in examples:
        assert "not run by us" in example.read_text().splitlines()[0].lower(), example.name
