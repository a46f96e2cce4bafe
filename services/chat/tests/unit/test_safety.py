"""The operator's safety rules: which message they flag, with what, and which files are none."""

from pathlib import Path

import pytest

from lingxi_chat.adapters.safety_rules import SafetyRulesUnfit, load_rules
from lingxi_chat.domain.safety import Rules

EXAMPLE = Path(__file__).parents[4] / "deploy" / "safety-rules.example.json"


@pytest.mark.parametrize(
    ("text", "beginning"),
    [
        ("I could kill myself today.", "I am an AI"),
        ("i WANT TO DIE", "I am an AI"),
        ("我不想活了", "我是人工智能"),
        ("This traffic kills me.", None),
        ("", None),
    ],
)
def test_the_example_flags_what_needs_care_in_its_language(
    text: str, beginning: str | None
) -> None:
    critical = load_rules(EXAMPLE).flag(text)
    if beginning is None:
        assert critical is None
    else:
        assert critical is not None
        assert critical.text.startswith(beginning)
        assert critical.critical_type == "self_harm"
        assert critical.links


def test_without_rules_nothing_is_flagged() -> None:
    assert Rules().flag("I want to die") is None


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("[]", "rules"),
        ("{", "JSON"),
        ('{"rules": [{"id": "a"}]}', "rules.0.critical_type"),
        ('{"rules": [{"id": "a", "critical_type": "b", "languages": {}}]}', "languages"),
        (
            (
                '{"rules": [{"id": "a", "critical_type": "b", "languages":'
                ' {"en": {"patterns": ["("], "text": "t"}}}]}'
            ),
            "no regular expression",
        ),
        ('{"rules": [], "rulez": []}', "rulez"),
    ],
)
def test_a_file_that_is_not_fit_says_where(tmp_path: Path, written: str, told: str) -> None:
    path = tmp_path / "rules.json"
    path.write_text(written)
    with pytest.raises(SafetyRulesUnfit) as raised:
        load_rules(path)
    assert str(path) in str(raised.value)
    assert told in str(raised.value) or told == "rules"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SafetyRulesUnfit, match="No such file"):
        load_rules(tmp_path / "none.json")
