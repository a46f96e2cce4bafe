"""Fillings of a stream: how whoever follows it sees that it was emptied and filled anew.

A stream that was purged goes on counting where it was, and what is published into it again would
look like news. So each filling has `FILLING_SEQS` sequences of its own: a purge that empties a
stream lets it go on at the first of the next filling. The number of the filling is in every
message's sequence then, and in every place that somebody remembers.
"""

FILLING_SEQS = 2**40
"""More than a stream will ever hold; eight thousand fillings stay exact in JSON's numbers."""


def filling_behind(seq: int) -> int:
    """The filling of the message right after this sequence."""
    return (seq + 1) // FILLING_SEQS


def next_filling(last_seq: int) -> int:
    """The first sequence of the filling after the one that ends here."""
    return (filling_behind(last_seq) + 1) * FILLING_SEQS
