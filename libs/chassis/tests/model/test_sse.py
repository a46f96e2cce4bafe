"""The event parser gives the same events however the bytes are cut."""

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from lingxi_chassis.model.sse import LINE_BYTES_MAX, LineTooLong, SseParser

_payload_lines = st.lists(
    st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=8),
    min_size=1,
    max_size=3,
)
_newline = st.sampled_from(["\n", "\r\n", "\r"])
_noise = st.sampled_from([": a comment", "event: x", "id: 7", "retry: 5", "dataset: no"])


@st.composite
def _streams(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """A stream and the payloads in it."""
    wire, payloads = draw(st.sampled_from(["", "\ufeff"])), list[bytes]()
    for lines in draw(st.lists(_payload_lines, max_size=5)):
        newline = draw(_newline)
        for noise in draw(st.lists(_noise, max_size=2)):
            wire += noise + newline
        wire += "".join(f"data: {line}{newline}" for line in lines) + newline
        payloads.append("\n".join(lines).encode())
    return wire.encode(), payloads


def _parsed(parts: list[bytes]) -> list[bytes]:
    parser = SseParser()
    events = [event for part in parts for event in parser.feed(part)]
    return events + parser.close()


@given(_streams(), st.data())
def test_every_cut_gives_the_same_events(
    stream: tuple[bytes, list[bytes]], data: st.DataObject
) -> None:
    wire, payloads = stream
    places = st.lists(st.integers(0, len(wire)), max_size=8)
    cuts = [0, *sorted(data.draw(places)), len(wire)]
    parts = [wire[start:end] for start, end in pairwise(cuts)]
    assert _parsed(parts) == payloads
    assert _parsed([wire[at : at + 1] for at in range(len(wire))]) == payloads


def test_every_single_cut_of_one_stream() -> None:
    wire = "\ufeff: hi\r\ndata: 你好\r\n\r\ndata:x\ndata: y\n\ndata\r\rdata: end".encode()
    expected = ["你好".encode(), b"x\ny", b"", b"end"]
    for at in range(len(wire) + 1):
        assert _parsed([wire[:at], wire[at:]]) == expected


def test_a_line_without_end_is_refused() -> None:
    with pytest.raises(LineTooLong):
        _parsed([b"x" * 1000] * (LINE_BYTES_MAX // 1000 + 1))
