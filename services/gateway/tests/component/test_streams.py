"""Reading what is stored, where JetStream is a cluster."""

import pytest
from nats.js.api import StreamConfig

from lingxi_chassis.bus import connect
from lingxi_gateway.adapters.streams import Streams
from lingxi_local.nats import RunningNats
from tests.fixtures.clusters import stream_elsewhere, url_of

EVENTS = 3
READS = 300
"""Of a hundred, some three ask before the server has heard of their consumer."""


async def test_a_reader_is_known_where_it_asks(
    nats_cluster: list[RunningNats], monkeypatch: pytest.MonkeyPatch
) -> None:
    for bound in ("KNOWN_SECONDS_MAX", "FETCH_SECONDS_MAX"):
        monkeypatch.setattr(f"lingxi_gateway.adapters.streams.{bound}", 30.0)  # on a busy machine
    config = StreamConfig("TOLD", subjects=["told"])
    async with connect(url_of(nats_cluster[0]), "tester") as nats:
        js = nats.jetstream()
        far = await stream_elsewhere(js, nats_cluster, config)
        for _ in range(EVENTS):
            await js.publish("told")
    async with connect(url_of(far), "tester") as nats:
        streams = Streams(nats)
        for _ in range(READS):
            read = [seq async for seq, _, _ in streams.read("TOLD", "told")]
            assert read == [1, 2, 3]
