"""Moderation without a model: a few words, each in the category that providers name so."""

from collections.abc import Iterable

WORDS = {
    "self-harm": ("no reason to go on", "hurt myself", "不想活"),
    "violence": ("beat him up", "打死他"),
}


def moderated(texts: Iterable[str]) -> list[dict[str, object]]:
    """The result for each text, as the API words it."""
    return [_result(text.casefold()) for text in texts]


def _result(text: str) -> dict[str, object]:
    categories = {name: any(word in text for word in words) for name, words in WORDS.items()}
    scores = {name: float(fits) for name, fits in categories.items()}
    flagged = any(categories.values())
    return {"flagged": flagged, "categories": categories, "category_scores": scores}
