"""How texts are compared."""

from lingxi_agent.domain.terms import normalised


def test_texts_are_the_same_whatever_their_case_and_spaces() -> None:
    assert normalised("  Has  a\nCAT. ") == normalised("has a cat") == "has a cat"
    assert normalised("住在上海。") == normalised("住在上海")
    assert normalised("…!") == ""
