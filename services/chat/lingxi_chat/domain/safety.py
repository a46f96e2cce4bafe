"""What the operator watches for in what users say, and what is to be shown then.

Pure text against patterns: the same message is always flagged alike, in the append that records it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lingxi_contracts.chat import Critical


@dataclass(frozen=True, slots=True)
class Care:
    """One rule in one language: what gives it away, and what is shown."""

    patterns: tuple[re.Pattern[str], ...]
    text: str
    links: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of message that needs care, by language."""

    rule_id: str
    critical_type: str
    languages: Mapping[str, Care]

    def shown(self, language: str) -> Critical:
        """What is shown in a language."""
        care = self.languages[language]
        return Critical(critical_type=self.critical_type, text=care.text, links=care.links)


@dataclass(frozen=True, slots=True)
class Rules:
    """The operator's rules; the first one that fits counts."""

    rules: Sequence[Rule] = ()

    def flag(self, text: str) -> Critical | None:
        """What is to be shown with the answer to a message; None: nothing."""
        for rule in self.rules:
            for language, care in rule.languages.items():
                if any(pattern.search(text) for pattern in care.patterns):
                    return rule.shown(language)
        return None
