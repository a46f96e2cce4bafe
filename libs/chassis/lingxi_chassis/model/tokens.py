"""How many tokens a text has, without a vocabulary: an estimate, corrected by what providers say.

tiktoken downloads its vocabulary at first use and knows one provider's models only.
"""

from collections.abc import Collection

from lingxi_chassis.model.messages import ChatMessage

MESSAGE_TOKENS = 4
MODELS_MAX = 256
_LATIN_CHARS_PER_TOKEN = 4.0
_WIDE_TOKENS_PER_CHAR = 0.8
_FACTOR_MIN, _FACTOR_MAX = 0.5, 2.0
_WEIGHT = 0.2
_OBSERVED_TOKENS_MIN = 20


def estimate_tokens(text: str) -> int:
    """About four Latin letters a token, about five Chinese characters for four tokens.

    The number of wide characters is read off the UTF-8 length (they take three or four bytes,
    Latin letters one, others two): exact enough, and fast for long texts.
    """
    if text.isascii():
        return -int(-len(text) // _LATIN_CHARS_PER_TOKEN)
    wide = (len(text.encode("utf-8", "surrogatepass")) - len(text)) / 2
    narrow = max(0.0, len(text) - wide)
    return int(narrow / _LATIN_CHARS_PER_TOKEN + wide * _WIDE_TOKENS_PER_CHAR) + 1


def estimate_prompt_tokens(messages: Collection[ChatMessage]) -> int:
    """A whole prompt, with what each message costs beside its text."""
    texts = "".join([message.content for message in messages])
    return MESSAGE_TOKENS * len(messages) + estimate_tokens(texts)


class TokenCorrection:
    """What to multiply an estimate with, per model: a running mean of what usage came back."""

    def __init__(self) -> None:
        self._factors: dict[str, float] = {}

    def factor(self, model: str) -> float:
        """1.0 until a model was seen; within 0.5 to 2.0 always."""
        return self._factors.get(model, 1.0)

    def corrected(self, model: str, estimate: int) -> int:
        """The estimate as that model would count it, rounded up."""
        return -int(-estimate * self.factor(model) // 1)

    def estimated(self, model: str, counted: int) -> int:
        """The estimate of what that model would count as so many tokens, rounded down."""
        return int(counted / self.factor(model))

    def observe(self, model: str, estimate: int, counted: int) -> None:
        """Learns from one call; tiny prompts and senseless counts teach nothing."""
        if estimate < _OBSERVED_TOKENS_MIN or counted <= 0:
            return
        seen = min(max(counted / estimate, _FACTOR_MIN), _FACTOR_MAX)
        before = self._factors.pop(model, seen)
        self._factors[model] = before + (seen - before) * _WEIGHT
        while len(self._factors) > MODELS_MAX:
            del self._factors[next(iter(self._factors))]
