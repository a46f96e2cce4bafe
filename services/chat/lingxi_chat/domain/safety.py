"""What the operator watches for in what users say, and what is to be shown then.

Pure text against patterns: the same message is always flagged alike, in the append that records it.
What a moderation model finds is matched by the categories that a rule names.
"""

import re
from collections.abc import Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass

from lingxi_contracts.chat import Critical

WIDE_LANGUAGES = ("zh", "ja", "ko")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


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
    categories: frozenset[str] = frozenset()
    """Of a moderation model, in its words."""

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

    def moderated(self, text: str, categories: AbstractSet[str]) -> Critical | None:
        """What is to be shown with what a moderation model found; None: it found nothing.

        What no rule names is flagged too, with nothing of the operator's to show.
        """
        if not categories:
            return None
        for rule in self.rules:
            if rule.categories & categories:
                return rule.shown(_language(text, tuple(rule.languages)))
        return Critical(critical_type=min(categories), text="")


def _language(text: str, languages: Sequence[str]) -> str:
    """The first that is written as the text is: in Chinese characters and the like, or not."""
    wide = _WIDE.search(text) is not None
    fitting = [one for one in languages if one.startswith(WIDE_LANGUAGES) == wide]
    return (fitting or languages)[0]
