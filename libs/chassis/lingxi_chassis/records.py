"""Frozen records with changes: what folds make one of for each event."""

from typing import Any


def changed[T](record: T, **changes: Any) -> T:
    """A copy of a dataclass' instance with other values in some fields.

    As `dataclasses.replace`, in a tenth of its time: that one reads each field and hands it to
    `__init__`. For classes without slots and without `__post_init__`.

    Raises:
        TypeError: it has no field of such a name.
    """
    fields = record.__dict__
    if not changes.keys() <= fields.keys():
        raise TypeError(f"{type(record).__name__} has no {sorted(changes.keys() - fields.keys())}")
    copy = object.__new__(type(record))
    copy.__dict__.update(fields)
    copy.__dict__.update(changes)
    return copy
