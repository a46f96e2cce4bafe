"""What follows from an operator's settings, and what is refused."""

from pathlib import Path

import pytest

from lingxi_compose.choices import Refused, choose, settings


def test_without_a_model_the_simulator_answers() -> None:
    chosen = choose({})
    assert chosen.profiles == ["simulator"]
    assert chosen.env["OPENAI_BASE_URL"].startswith("http://simulator:")
    assert chosen.addresses == ["http://127.0.0.1:8000"]


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "OPENAI_BASE_URL"])
def test_with_a_model_nothing_is_simulated(name: str) -> None:
    chosen = choose({name: "http://models.local/v1"})
    assert chosen.profiles == []
    assert chosen.env[name] == "http://models.local/v1"


def test_a_cluster_has_three_nodes_and_two_of_each_service() -> None:
    chosen = choose({"COMPOSE_PROFILES": "cluster", "LINGXI_PORT": "8100"})
    assert chosen.nats_nodes == 3
    assert chosen.env["NATS_STREAM_REPLICAS"] == "3"
    assert chosen.env["LINGXI_REPLICAS"] == "2"
    assert chosen.addresses == ["http://127.0.0.1:8100", "http://127.0.0.1:8101"]


def test_with_observability_traces_go_to_the_collector() -> None:
    chosen = choose({"COMPOSE_PROFILES": "observability"})
    assert chosen.env["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://collector:4318"
    elsewhere = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://traces.local:4318"}
    chosen = choose({"COMPOSE_PROFILES": "observability", **elsewhere})
    assert chosen.env["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://traces.local:4318"


@pytest.mark.parametrize(
    ("read", "says"),
    [
        ({"OPENAI_API_KEY": "your-key"}, "placeholder"),
        ({"DATABASE_URL": "postgresql://elsewhere/x"}, "servers of its own"),
        ({"NATS_URL": "nats://elsewhere"}, "servers of its own"),
        ({"NATS_CERT_FILE": "cert.pem"}, "servers of its own"),
        ({"TLS_FOLDER": "nowhere"}, "TLS_FOLDER: no file"),
        ({"COMPOSE_PROFILES": "clutser"}, "no profile clutser"),
        ({"LINGXI_PORT": "http"}, "not a port"),
        ({"SAFETY_RULES_FILE": "nowhere.json"}, "no file"),
    ],
)
def test_what_cannot_be_followed_is_refused(read: dict[str, str], says: str) -> None:
    with pytest.raises(Refused, match=says):
        choose(read)


def test_safety_rules_must_be_readable_by_the_services_account(tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text("[]")
    rules.chmod(0o600)
    with pytest.raises(Refused, match="chmod"):
        choose({"SAFETY_RULES_FILE": str(rules)})
    rules.chmod(0o644)
    assert choose({"SAFETY_RULES_FILE": str(rules)}).env["SAFETY_RULES_FILE"] == str(rules)


def test_with_a_folder_of_certificates_the_servers_speak_tls(tmp_path: Path) -> None:
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / name).touch(mode=0o600)
    with pytest.raises(Refused, match=r"chmod o\+r .*ca.pem"):
        choose({"TLS_FOLDER": str(tmp_path)})
    (tmp_path / "ca.pem").chmod(0o644)
    chosen = choose({"TLS_FOLDER": str(tmp_path)})
    assert chosen.tls
    assert chosen.env["TLS_FOLDER"] == str(tmp_path)
    assert chosen.env["LINGXI_CA_FILE"] == str(tmp_path / "ca.pem")
    assert not choose({}).tls


def test_the_environment_wins_over_the_file_and_empty_is_unset(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# a comment\nLINGXI_PORT=1 # this\n\nOPENAI_MODEL=\nREGISTRATION_OPEN=false\n")
    read = settings({"LINGXI_PORT": "2", "REGISTRATION_OPEN": ""}, file)
    assert read == {"LINGXI_PORT": "2", "REGISTRATION_OPEN": "false"}
    assert settings({}, tmp_path / "none") == {}
