"""What is common is not looked for again for a while, and only so much of it is kept in mind."""

from lingxi_chat.application.common_terms import KNOWN_SECONDS, CommonTerms


def test_what_was_found_common_is_left_out_for_a_while() -> None:
    common = CommonTerms()
    common.found([1, 2], 100.0)
    assert common.without([3, 2, 1, 4], 100.0 + KNOWN_SECONDS - 1) == [3, 4]
    assert common.without([3, 2, 1, 4], 100.0 + KNOWN_SECONDS) == [3, 2, 1, 4]


def test_the_oldest_are_forgotten_first() -> None:
    common = CommonTerms(terms_max=2)
    common.found([1, 2], 100.0)
    common.found([1, 3], 101.0)
    assert common.without([1, 2, 3], 102.0) == [2]
