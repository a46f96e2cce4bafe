"""The small parts around every request: addresses, limits, ids, settings."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, strategies as st
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from lingxi_chassis.ids import new_id
from lingxi_contracts.errors import Refusal, SessionNotFound
from lingxi_gateway.domain import refusals
from lingxi_gateway.domain.refusals import TooManyRequests
from lingxi_gateway.entrypoints.http.clients import client_address, networks
from lingxi_gateway.entrypoints.http.ids import SessionId, parse_id
from lingxi_gateway.entrypoints.http.limits import WINDOW_SECONDS, Window
from lingxi_gateway.entrypoints.http.links import same_url
from lingxi_gateway.entrypoints.http.problems import STATUS_OF
from lingxi_gateway.settings import Settings

PROXIES = networks(["10.0.0.0/8", "fd00::/8"])
PEM = "-----BEGIN PRIVATE KEY-----\ns\n-----END PRIVATE KEY-----\n"
ENVIRONMENT: dict[str, Any] = {
    "DATABASE_URL": "postgresql://x",
    "NATS_URL": "nats://x",
    "LINGXI_INTERNAL_PORT": "0",
    "LINGXI_LOCAL": "true",
    "JWT_SECRET": "s" * 32,
}


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", "198.51.100.1", "192.0.2.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", "198.51.100.1, 192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", "198.51.100.1, 192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "192.0.2.1, nonsense", "10.0.0.1"),
        ("10.0.0.1", "192.0.2.1, nonsense, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", ",,", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, 192.0.2.1:5678, 10.0.0.2:80", "192.0.2.1"),
        ("10.0.0.1", "[2001:db8:1:2:3:4:5:6]:99, [fd00::2]", "2001:db8:1:2::/64"),
        ("10.0.0.1", "192.0.2.1, nonsense:80", "10.0.0.1"),
        ("10.0.0.1", "192.0.2.1, [nonsense]:80", "10.0.0.1"),
        ("10.0.0.1", "192.0.2.1, [192.0.2.2]x", "10.0.0.1"),
        ("::ffff:10.0.0.1", "192.0.2.1", "192.0.2.1"),
        ("fd00::1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::7", "", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "", "192.0.2.1"),
        ("", "192.0.2.1", ""),
        ("unix", "192.0.2.1", "unix"),
    ],
)
def test_whose_request_it_is(peer: str, forwarded_for: str, client: str) -> None:
    assert client_address(peer, forwarded_for, PROXIES) == client


@pytest.mark.parametrize(
    ("peer", "seen"),
    [
        ("10.0.0.1", "https://chat.example/a/?page=2"),
        ("::ffff:10.0.0.1", "https://chat.example/a/?page=2"),
        ("192.0.2.1", "http://here/a/?page=2"),
        ("unix", "http://here/a/?page=2"),
    ],
)
def test_urls_are_as_a_trusted_proxy_says(peer: str, seen: str) -> None:
    forwarded = {
        b"host": b"here",
        b"x-forwarded-proto": b"https",
        b"x-forwarded-host": b"chat.example",
    }
    scope = {
        "type": "http",
        "path": "/a/",
        "query_string": b"",
        "headers": list(forwarded.items()),
        "client": (peer, 1),
        "app": SimpleNamespace(
            state=SimpleNamespace(parts=SimpleNamespace(trusted_proxies=PROXIES))
        ),
    }
    assert same_url(Request(scope), page=2) == seen


@given(st.text(max_size=100))
def test_no_header_breaks_the_address(forwarded_for: str) -> None:
    assert client_address("192.0.2.1", forwarded_for, PROXIES) == "192.0.2.1"
    assert client_address("10.0.0.1", forwarded_for, PROXIES)


def test_a_window_counts_each_key_for_a_minute() -> None:
    now = 100.0
    window = Window(2, lambda: now)
    for key in ("a", "a", "b"):
        window.count(key)
    now += WINDOW_SECONDS - 0.5
    with pytest.raises(TooManyRequests) as refused:
        window.count("a")
    assert refused.value.facts == {"retry_after_seconds": 1}
    window.count("b")
    now += 0.5
    window.count("a")


def test_no_limit() -> None:
    window = Window(0)
    for _ in range(1000):
        window.count("a")
    one = Window(1)
    one.count("a")
    with pytest.raises(TooManyRequests):
        one.count("a")


@given(st.uuids())
def test_ids_in_the_usual_form(value: UUID) -> None:
    assert parse_id(str(value), SessionNotFound) == value
    assert parse_id(str(value).upper(), SessionNotFound) == value


@given(st.text(max_size=60))
def test_other_texts_are_unknown_ids(text: str) -> None:
    with pytest.raises(SessionNotFound):
        parse_id(text, SessionNotFound)


@pytest.mark.parametrize("form", ["{}", "urn:uuid:{}", "{{{}}}", " {}", "{}\n"])
def test_other_forms_of_an_id(form: str) -> None:
    one = str(new_id())
    text = form.format(one if form != "{}" else one.replace("-", ""))
    with pytest.raises(SessionNotFound):
        parse_id(text, SessionNotFound)


def test_ids_in_bodies() -> None:
    class Body(BaseModel):
        session_id: SessionId | None = None

    assert Body.model_validate({"session_id": None}).session_id is None
    with pytest.raises(SessionNotFound):
        Body.model_validate({"session_id": "1234"})
    with pytest.raises(ValidationError):
        Body.model_validate({"session_id": 1234})


OPERATORS_ONLY = ("lingxi_contracts.operations", "lingxi_contracts.dead_letters")
"""Refusals that never answer an HTTP request."""


def test_every_refusal_has_a_status() -> None:
    """A new refusal without a line in the table would be answered as an unfit body."""
    own = {kind for kind in vars(refusals).values() if isinstance(kind, type)}
    everywhere = {
        kind
        for kind in Refusal.by_code.values()
        if "test" not in kind.__module__ and kind.__module__ not in OPERATORS_ONLY
    }
    missing = (everywhere | {k for k in own if issubclass(k, Refusal)}) - {Refusal} - set(STATUS_OF)
    assert not missing


def test_settings_from_texts() -> None:
    settings = Settings.model_validate(
        ENVIRONMENT
        | {
            "TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.1",
            "CORS_ALLOWED_ORIGINS": "https://a.example,,http://localhost:*",
        }
    )
    assert settings.trusted_proxies == ("10.0.0.0/8", "192.0.2.1")
    assert settings.cors_allowed_origins == ("https://a.example", "http://localhost:*")
    assert "ssss" not in repr(settings)


@pytest.mark.parametrize(
    "wrong",
    [
        {"JWT_SECRET": "s" * 31},
        {"JWT_SECRET": None},
        {"LINGXI_LOCAL": "false"},
        {"JWT_PRIVATE_KEY": PEM},
        {"JWT_SECRET": None, "JWT_PRIVATE_KEY": "/nowhere"},
        {"JWT_SECRET": None, "JWT_PRIVATE_KEY": PEM, "JWT_OTHER_KEYS": "s" * 31},
        {"TRUSTED_PROXIES": "10.0.0.0/8, everybody"},
        {"RATE_LIMIT_PER_IP": -1},
        {"ACCESS_TOKEN_MINUTES": 0},
    ],
)
def test_settings_that_do_not_do(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate(ENVIRONMENT | wrong)
    assert "s" * 31 not in str(refused.value)


@pytest.mark.parametrize("given", ["as it is", "in one line", "file"])
def test_a_key_is_pem_or_a_file_with_it(given: str, tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text(PEM)
    text = {"as it is": PEM, "in one line": PEM.replace("\n", "\\n"), "file": str(file)}[given]
    named = {"JWT_SECRET": None, "LINGXI_LOCAL": "false", "JWT_PRIVATE_KEY": text}
    settings = Settings.model_validate(ENVIRONMENT | named | {"JWT_OTHER_KEYS": text})
    for key in (settings.jwt_private_key, settings.jwt_other_keys):
        assert key is not None
        assert key.get_secret_value() == PEM
    assert "PRIVATE KEY-" not in repr(settings)


def test_settings_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**ENVIRONMENT, "TRUSTED_PROXIES": "10.0.0.1,10.0.0.2"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CORS_ALLOWED_ORIGINS", "loopback")
    settings = Settings.model_validate({})
    assert settings.trusted_proxies == ("10.0.0.1", "10.0.0.2")
    assert settings.cors_allowed_origins == ("loopback",)
    monkeypatch.delenv("JWT_SECRET")
    with pytest.raises(ValidationError, match="JWT_PRIVATE_KEY is not set"):
        Settings.model_validate({})
