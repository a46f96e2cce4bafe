"""One streamed answer from its bytes."""

import orjson
import pytest

from lingxi_chassis.model.answer import (
    ANSWER_CHARS_MAX,
    MODEL_CHARS_MAX,
    TOKENS_MAX,
    StreamedAnswer,
)
from lingxi_chassis.model.errors import BadAnswer, ModelRateLimited, ModelRefused
from lingxi_chassis.model.messages import Usage


def _event(**chunk: object) -> bytes:
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


def _says(content: str, reason: str | None = None) -> bytes:
    return _event(choices=[{"delta": {"content": content}, "finish_reason": reason}])


def _whole(wire: bytes) -> str:
    answer = StreamedAnswer()
    return answer.feed(wire) + answer.close()


def test_text_model_reason_and_usage() -> None:
    answer = StreamedAnswer()
    said = answer.feed(_event(model="m", choices=[{"delta": {"role": "assistant"}}]))
    said += answer.feed(_says("Hel") + _says("lo"))
    said += answer.feed(_says("!", "stop"))
    said += answer.feed(_event(choices=[], usage={"prompt_tokens": 3, "completion_tokens": 2}))
    said += answer.feed(b"data: [DONE]\n\n" + _says("after the end"))
    assert said + answer.close() == "Hello!" == answer.text
    assert (answer.model, answer.finish_reason, answer.done) == ("m", "stop", True)
    assert answer.usage == Usage(3, 2)


def test_what_postgres_cannot_hold_is_left_out() -> None:
    answer = StreamedAnswer()
    assert answer.feed(rb'data: {"choices":[{"delta":{"content":"a\u0000b"}}]}' + b"\n\n") == "ab"
    lone = rb'data: {"choices":[{"delta":{"content":"c\ud83d!"}}]}' + b"\n\n"
    assert answer.feed(lone) == "c\ufffd!"
    assert (
        answer.feed(rb'data: {"choices":[{"delta":{"content":"\ud83d\ude00"}}]}' + b"\n\n") == "😀"
    )


def test_the_models_name_and_the_usage_are_cleaned_and_bounded() -> None:
    answer = StreamedAnswer()
    usage = {"prompt_tokens": 2**63 - 1, "completion_tokens": -1}
    answer.feed(_event(model="m\u0000" + "x" * 1_000, usage=usage))
    assert answer.model == "m" + "x" * (MODEL_CHARS_MAX - 1)
    assert answer.usage == Usage(TOKENS_MAX, 0)


def test_the_last_event_may_lack_its_blank_line() -> None:
    answer = StreamedAnswer()
    answer.feed(_says("Hi"))
    answer.feed(_says("!", "stop").rstrip(b"\n"))
    assert answer.close() == "!"
    assert answer.text == "Hi!"


@pytest.mark.parametrize(
    "wire",
    [b"", _says("cut"), _says("  ", "stop"), b"data: [1]\n\n", b"data: {\n\n", b"<html></html>"],
)
def test_no_answer_is_a_bad_answer(wire: bytes) -> None:
    with pytest.raises(BadAnswer):
        _whole(wire)


def test_a_refusal_and_a_filter_are_refused() -> None:
    for wire in (
        _event(choices=[{"delta": {"refusal": "No."}, "finish_reason": "stop"}]),
        _says("half an ans") + _says("", "content_filter"),
    ):
        with pytest.raises(ModelRefused):
            _whole(wire)


def test_an_error_inside_the_stream() -> None:
    with pytest.raises(ModelRateLimited):
        StreamedAnswer().feed(_event(error={"message": "slow down", "code": 429}))


def test_an_endless_answer_is_ended() -> None:
    with pytest.raises(BadAnswer):
        StreamedAnswer().feed(_says("x" * 1000) * (ANSWER_CHARS_MAX // 1000 + 1))
