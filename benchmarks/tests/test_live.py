"""When a frame is due: its first word's collecting time later, or with the word that fills it."""

import pytest

from benchmarks.live import late_seconds
from benchmarks.scripted_model import Reply
from lingxi_contracts.live import DELTA_MS_MAX, DELTA_TOKENS_MAX


def test_a_frame_counts_from_when_it_was_due() -> None:
    reply = Reply()
    words = DELTA_TOKENS_MAX + 3
    reply.told_at = [(2 * (number + 1), number / 1000) for number in range(words)]
    collected = (0, 4, 0.050)
    filled = (4, 4 + 2 * DELTA_TOKENS_MAX, 0.050)
    last = (filled[1], 2 * words, 0.050)

    late = late_seconds(reply, [collected, filled, last])

    assert late == [
        pytest.approx(0.050 - DELTA_MS_MAX / 1000),
        pytest.approx(0.050 - (DELTA_TOKENS_MAX + 1) / 1000),
    ]
