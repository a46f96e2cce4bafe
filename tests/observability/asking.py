"""Every query of the dashboards and the alerts, asked of a Prometheus."""

import json
from collections.abc import Mapping
from typing import Any, Self

import httpx

from tests.observability.files import RATE_INTERVAL, alerts, selectors_in, shown

SCRAPES_PER_RATE = 4
"""Grafana's `$__rate_interval` spans so many."""

OF_FAILURES = 'status=~"5..'
"""Where nothing failed there is no such series: the statuses of answers are not known before."""


class Asked:
    """A Prometheus that runs, whoever started it; left: no longer connected to it."""

    def __init__(self, base_url: str, scrape_seconds: int) -> None:
        self._http = httpx.AsyncClient(base_url=base_url, trust_env=False)
        self._rate_interval = f"{SCRAPES_PER_RATE * scrape_seconds}s"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def ready(self) -> bool:
        """Whether it answers."""
        try:
            return (await self._http.get("/-/ready")).is_success
        except httpx.TransportError:
            return False

    async def find_faults(self) -> list[str]:
        """Queries without data, rules it cannot evaluate, and alerts that fire."""
        faults = [
            f"no data: {where}: {query}"
            for where, query in shown()
            if not await self._series(query)
        ]
        for rule in alerts():
            faults += [
                f"no data: alert {rule['alert']}: {selector}"
                for selector in sorted(selectors_in(rule["expr"]))
                if OF_FAILURES not in selector and not await self._series(selector)
            ]
        groups = (await self._get("/api/v1/rules"))["groups"]
        evaluated = {rule["name"]: rule for group in groups for rule in group["rules"]}
        for rule in alerts():
            if (told := evaluated[rule["alert"]])["health"] != "ok":
                faults.append(f"alert {rule['alert']}: {told['health']} {told.get('lastError')}")
        for fires in await self._series('ALERTS{alertstate="firing"}'):
            faults.append(f"fires: {json.dumps(fires['metric'])}")
        return faults

    async def _series(self, query: str) -> list[Any]:
        """What a query has now, but for what is no number."""
        asked = query.replace(RATE_INTERVAL, self._rate_interval)
        told = await self._get("/api/v1/query", query=asked)
        return [one for one in told["result"] if one["value"][1] != "NaN"]

    async def _get(self, path: str, **params: str) -> Mapping[str, Any]:
        told: Mapping[str, Any] = (await self._http.get(path, params=params)).json()
        assert told["status"] == "success", f"{path} {params}: {told.get('error')}"
        return told["data"]
