"""The operator's safety rules, read from a JSON file when the service starts."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from lingxi_chat.domain.safety import Care, Rule, Rules

FILE_BYTES_MAX = 1024 * 1024
RULES_MAX = 100
PATTERNS_MAX = 500
"""Of a rule in one language."""
TEXT_CHARS_MAX = 2_000

type Filled = Annotated[str, Field(min_length=1, max_length=TEXT_CHARS_MAX)]


class SafetyRulesUnfit(Exception):
    """The file of safety rules cannot be read as such; the message says where."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Care(_Strict):
    patterns: tuple[Filled, ...] = Field(max_length=PATTERNS_MAX)
    text: Filled
    links: tuple[Filled, ...] = ()

    @field_validator("patterns")
    @classmethod
    def _compile(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
        return patterns


class _Rule(_Strict):
    id: Filled
    critical_type: Filled
    categories: tuple[Filled, ...] = Field(default=(), max_length=PATTERNS_MAX)
    languages: dict[str, _Care] = Field(min_length=1)


class _File(_Strict):
    rules: tuple[_Rule, ...] = Field(max_length=RULES_MAX)


def load_rules(path: Path) -> Rules:
    """The rules in a file. Patterns are searched for whatever the case.

    Raises:
        SafetyRulesUnfit: there is no such file, or it is not one of rules.
    """
    try:
        written = path.read_bytes()
        if len(written) > FILE_BYTES_MAX:
            raise SafetyRulesUnfit(f"{path}: more than {FILE_BYTES_MAX} bytes")
        read = _File.model_validate_json(written)
    except OSError as error:
        raise SafetyRulesUnfit(f"{path}: {error.strerror}") from None
    except ValidationError as error:
        places = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:10])
        raise SafetyRulesUnfit(f"{path}: {'; '.join(places)}") from None
    return Rules(tuple(map(_rule, read.rules)))


def _rule(read: _Rule) -> Rule:
    languages = {
        language: Care(
            tuple(re.compile(pattern, re.IGNORECASE) for pattern in care.patterns),
            care.text,
            care.links,
        )
        for language, care in read.languages.items()
    }
    return Rule(read.id, read.critical_type, languages, frozenset(read.categories))
