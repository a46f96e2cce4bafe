"""A family of refresh tokens: one login, and the tokens that renewed it.

A family is one chain. Its tokens are numbered: the login gives generation 0, and using generation n
gives n + 1, however often n is used: there is one successor, not one an answer. So the family's
whole state is the newest generation that was used.

Invariants:
1. A token is spent when its successor is first used. Until then it can be used again and again:
   an answer that was lost, a second tab, a client that keeps its first token do no harm.
2. Using a spent token ends the family: somebody else has the newer one, and which of the two is the
   thief cannot be told.
3. An ended family never comes back.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Family:
    """A family that has not ended. `generation`: the newest one that was used."""

    generation: int = 0

    @property
    def successor(self) -> int:
        """The generation of the token to hand out now."""
        return self.generation + 1


def use(family: Family, generation: int) -> Family | None:
    """The family after one of its own tokens was used; None: it ends.

    A generation that the family does not know yet is one of ours all the same (the signature says
    so): the database is older than it, restored from a backup. The family catches up.
    """
    if generation < family.generation:
        return None
    return Family(generation)
