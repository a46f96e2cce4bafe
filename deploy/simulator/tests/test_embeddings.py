"""Embeddings: length one, near for alike texts, in either encoding."""

import base64
import struct

from deploy.simulator.tests.harness import Asker
from lingxi_simulator.embeddings import embed


def _alike(one: str, other: str) -> float:
    return sum(a * b for a, b in zip(embed(one), embed(other), strict=True))


def test_alike_texts_are_near() -> None:
    assert _alike("我喜欢喝绿茶", "他喜欢绿茶") > _alike("我喜欢喝绿茶", "火车晚点了") + 0.2
    assert _alike("green tea", "GREEN  tea!") > _alike("green tea", "a late train") + 0.2
    assert abs(_alike("你好", "你好") - 1) < 1e-9
    assert sum(value * value for value in embed("")) == 1


async def test_over_http(simulator: Asker) -> None:
    body = {"model": "any", "input": ["你好", "hello"], "dimensions": 64}
    told = (await simulator.http.post("/v1/embeddings", json=body)).json()
    assert [len(one["embedding"]) for one in told["data"]] == [64, 64]
    assert [one["index"] for one in told["data"]] == [0, 1]
    encoded = {**body, "encoding_format": "base64"}
    other = (await simulator.http.post("/v1/embeddings", json=encoded)).json()
    raw = base64.b64decode(other["data"][0]["embedding"])
    for sent, plain in zip(struct.unpack("<64f", raw), told["data"][0]["embedding"], strict=True):
        assert abs(sent - plain) < 1e-6


async def test_bad_input_is_refused(simulator: Asker) -> None:
    for body in ('{"input":[]}', '{"input":[1]}', '{"input":"x","dimensions":99999}', "{}"):
        assert (await simulator.http.post("/v1/embeddings", content=body)).status_code == 400
