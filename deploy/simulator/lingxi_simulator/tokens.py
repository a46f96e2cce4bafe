"""The simulator's token count: a fixed estimate, so that usage is the same at every run."""

import re

_PIECES = re.compile(
    r"\s*(?:[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]{1,3}|[^\s\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]+)"
)
WORDS_PER_CHUNK = 2
MESSAGE_TOKENS = 4


def count_tokens(text: str) -> int:
    """About four characters a token for Latin letters, one and a half for Chinese."""
    if text.isascii():
        return (len(text) + 3) // 4
    wide = (len(text.encode("utf-8", "surrogatepass")) - len(text)) // 2
    return (len(text) - wide + 3) // 4 + (wide * 2 + 2) // 3


def pieces(text: str) -> list[str]:
    """The text as it is streamed; joined they are the text again."""
    words = _PIECES.findall(text)
    if not words:
        return [text] if text else []
    words[-1] += text[sum(map(len, words)) :]
    return [
        "".join(words[at : at + WORDS_PER_CHUNK]) for at in range(0, len(words), WORDS_PER_CHUNK)
    ]


def cut_to(text: str, tokens_max: int) -> str:
    """The longest start of the text that counts at most `tokens_max` tokens."""
    if count_tokens(text) <= tokens_max:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if count_tokens(text[:middle]) <= tokens_max:
            low = middle
        else:
            high = middle - 1
    return text[:low]
