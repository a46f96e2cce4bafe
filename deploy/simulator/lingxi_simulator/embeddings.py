"""Embeddings without a model: hashed character n-grams. Alike texts are near each other."""

import base64
import math
import struct
import unicodedata
from zlib import crc32

DIMENSIONS = 256
DIMENSIONS_MAX = 4096
_NGRAM_CHARS = (1, 2, 3)


def embed(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """A vector of length one. Letters' case and width don't count; Chinese works by characters."""
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    vector = [0.0] * dimensions
    for size in _NGRAM_CHARS:
        for at in range(len(plain) - size + 1):
            ngram = plain[at : at + size]
            if size == 1 and ngram.isascii():
                continue  # a single Latin letter says nothing, a single Chinese character much
            hashed = crc32(ngram.encode("utf-8", "replace"))
            vector[hashed % dimensions] += 1.0 if hashed & 0x8000_0000 else -1.0
    length = math.sqrt(sum(value * value for value in vector))
    if length == 0.0:
        return [1.0, *vector[1:]]
    return [value / length for value in vector]


def as_base64(vector: list[float]) -> str:
    """The wire form that the openai SDK asks for: little-endian 32-bit floats."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
