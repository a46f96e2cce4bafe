"""The web app's files: who gets the page, what is compressed and kept, and what stays a 404."""

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import httpx
import pytest
from fastapi import FastAPI

from lingxi_gateway.entrypoints.http.app import create_app
from lingxi_gateway.entrypoints.http.limits import limits
from lingxi_gateway.entrypoints.http.parts import Parts
from lingxi_gateway.entrypoints.http.web import Page, routes

HTML = {"Accept": "text/html,*/*"}


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A build with one script, compressed."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>the page")
    (tmp_path / "assets" / "app-1a2b.js").write_text("the script")
    (tmp_path / "assets" / "app-1a2b.js.gz").write_bytes(b"compressed")
    (tmp_path / "assets" / "secret.txt").write_text("not for the web")
    return tmp_path


def app_with(folder: Path) -> FastAPI:
    """The whole application, with its build there."""
    nothing = SimpleNamespace(
        limits=limits(0, 0), cors_origins=(), trusted_proxies=(), hsts_seconds=0
    )
    app = create_app(cast("Parts", nothing))
    kept = [
        route
        for route in app.router.routes
        if not isinstance(route, Page) and getattr(route, "path", "") != "/assets/{name}"
    ]
    app.router.routes[:] = [*kept, *routes(folder)]
    return app


@pytest.fixture
async def http(build: Path) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app_with(build))
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/c/01a203e2-68f2", "/agents", "/anything/else"])
async def test_a_path_of_a_page_answers_with_the_page(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path, headers=HTML)
    assert answer.status_code == 200
    assert "the page" in answer.text
    assert answer.headers["cache-control"] == "no-cache"
    scripts = answer.headers["content-security-policy"].split("script-src ")[1].split(";")[0]
    assert scripts == "'self'"


@pytest.mark.parametrize(
    ("method", "path", "accept"),
    [
        ("GET", "/", "application/json"),
        ("GET", "/somewhere", "*/*"),
        ("POST", "/", "text/html"),
        ("GET", "/api/nothing/", "text/html"),
        ("GET", "/api", "text/html"),
        ("GET", "/favicon.ico", "text/html"),
        ("GET", "/assets/none-1a2b.js", "text/html"),
        ("GET", "/assets/secret.txt", "*/*"),
        ("GET", "/assets/..%2findex.html", "*/*"),
    ],
)
async def test_everything_else_is_a_problem(
    http: httpx.AsyncClient, method: str, path: str, accept: str
) -> None:
    answer = await http.request(method, path, headers={"Accept": accept})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_assets_are_kept_for_ever_and_compressed(http: httpx.AsyncClient) -> None:
    plain = await http.get("/assets/app-1a2b.js", headers={"Accept-Encoding": "identity"})
    assert plain.text == "the script"
    assert "immutable" in plain.headers["cache-control"]
    assert plain.headers["content-type"].startswith("text/javascript")
    async with http.stream(
        "GET", "/assets/app-1a2b.js", headers={"Accept-Encoding": "gzip"}
    ) as compressed:
        assert compressed.headers["content-encoding"] == "gzip"
        assert b"".join([piece async for piece in compressed.aiter_raw()]) == b"compressed"


async def test_without_a_build_the_page_says_so_and_looks_again(tmp_path: Path) -> None:
    transport = httpx.ASGITransport(app_with(tmp_path / "none"))
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        answer = await client.get("/", headers=HTML)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "not built yet" in answer.text
