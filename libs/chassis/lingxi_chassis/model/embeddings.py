"""Embeddings: what is asked, and what an answer must be. Pure."""

import math
from collections.abc import Sequence

import orjson

from lingxi_chassis.model.errors import BadAnswer

type Vector = Sequence[float]

TEXTS_MAX = 64
"""Of one call."""
DIMENSIONS_MAX = 8_192
ANSWER_BYTES_MAX = 32 * 1024 * 1024


def embeddings_body(texts: Sequence[str], model: str) -> bytes:
    """The request. Plain numbers are asked for: not every compatible server packs them."""
    assert 0 < len(texts) <= TEXTS_MAX
    return orjson.dumps({"model": model, "input": list(texts)})


def vectors_in(body: bytes, texts: int) -> list[Vector | None]:
    """The vectors of an answer, in the order of the texts, each of length one; None: it has none.

    Raises:
        BadAnswer: not one vector for each text, all of one dimension.
    """
    try:
        told = orjson.loads(body)
        listed = sorted(told["data"], key=lambda one: one["index"])
        vectors = [[float(value) for value in one["embedding"]] for one in listed]
    except (orjson.JSONDecodeError, LookupError, TypeError, ValueError):
        raise BadAnswer("not the embeddings asked for") from None
    dimensions = {len(vector) for vector in vectors}
    if len(vectors) != texts or len(dimensions) != 1 or not 0 < dimensions.pop() <= DIMENSIONS_MAX:
        raise BadAnswer("not the embeddings asked for")
    return [_of_length_one(vector) for vector in vectors]


def _of_length_one(vector: list[float]) -> Vector | None:
    length = math.hypot(*vector)
    if not math.isfinite(length) or length == 0:
        return None
    return [value / length for value in vector]
