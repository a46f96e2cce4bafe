"""docs/api.md shows every frame there is, and each fits its shape."""

import json
import re
from pathlib import Path
from typing import Any

from lingxi_contracts.chat import EVENTS
from lingxi_contracts.envelope import Envelope
from lingxi_gateway.entrypoints.http.problems import Problem
from lingxi_gateway.entrypoints.http.wire.chat import ChatAnswer
from lingxi_gateway.entrypoints.http.wire.frames import FRAMES, DeltaTold
from lingxi_gateway.entrypoints.http.wire.proactive import Decisions
from lingxi_gateway.entrypoints.http.wire.sessions import Message

TEXT = (Path(__file__).parents[4] / "docs" / "api.md").read_text()


def examples(kind: str) -> list[str]:
    """The blocks of one kind."""
    return re.findall(rf"```{kind}\n(.*?)\n```", TEXT, re.DOTALL)


def frames(kind: str) -> list[dict[str, str]]:
    """The frames in the blocks of one kind."""
    return [
        dict(line.split(": ", 1) for line in frame.splitlines())
        for block in examples(kind)
        for frame in block.split("\n\n")
    ]


def test_every_frame_of_the_feed_has_an_example_that_fits() -> None:
    shown = frames("feed")
    assert {frame["event"] for frame in shown} == FRAMES.keys()
    for frame in shown:
        data: dict[str, Any] = json.loads(frame["data"])
        shape = FRAMES[frame["event"]]
        assert shape.model_validate(data).model_dump(mode="json") == data, frame["event"]
        assert ("id" in frame) == (frame["event"] not in ("delta", "typing"))


def test_every_frame_of_a_streamed_answer_has_an_example_that_fits() -> None:
    shown = {frame["event"]: json.loads(frame["data"]) for frame in frames("chat")}
    assert shown.keys() == {"accepted", "delta", "message", "done", "error"}
    ids = {"session_id", "user_message_id", "turn_id"}
    assert shown["accepted"].keys() == ids
    fitting = {
        DeltaTold: shown["delta"],
        Message: shown["message"]["message"],
        ChatAnswer: shown["done"],
    }
    for shape, data in fitting.items():
        assert shape.model_validate(data).model_dump(mode="json") == data
    problem = Problem.model_validate(shown["error"]).model_dump()
    assert shown["error"].keys() == problem.keys() | ids | {"retryable"}


def test_the_decision_log_is_as_it_is_shown() -> None:
    (shown,) = (one for one in map(json.loads, examples("json")) if "results" in one)
    assert Decisions.model_validate(shown).model_dump(mode="json") == shown


def test_the_event_on_nats_is_one() -> None:
    (shown,) = examples("nats")
    envelope = Envelope.model_validate_json(shown)
    assert envelope.model_dump(mode="json") == json.loads(shown)
    assert envelope.data is not None
    event = EVENTS[envelope.type].model_validate(envelope.data)
    assert event.model_dump(mode="json") == envelope.data
