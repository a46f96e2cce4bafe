"""Any mix of clients that refresh: what must work works, and a spent token ends the family.

The model keeps the contract's own words: for each token, whether its successor was ever used.
"""

import hypothesis.strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from lingxi_gateway.domain.refresh import Family, use


class Families(RuleBasedStateMachine):
    """One family, any number of clients that hold tokens of it."""

    tokens: Bundle[int] = Bundle("tokens")

    def __init__(self) -> None:
        super().__init__()
        self.family: Family | None = Family()
        self.handed_out = {0}
        self.used: set[int] = set()
        self.ended = False

    @initialize(target=tokens)
    def log_in(self) -> int:
        return 0

    @rule(target=tokens, token=tokens)
    def refresh(self, token: int) -> int:
        spent = token + 1 in self.used
        if self.family is None:
            return token
        self.family = use(self.family, token)
        if spent:
            assert self.family is None
            self.ended = True
            return token
        assert self.family is not None
        assert self.family.successor == token + 1
        self.used.add(token)
        self.handed_out.add(self.family.successor)
        return self.family.successor

    @rule(times=st.integers(min_value=1, max_value=5))
    def lost_answers(self, times: int) -> None:
        """The newest token that was used, again and again: nobody got an answer."""
        newest = max(self.used, default=0)
        for _ in range(times):
            if self.family is not None:
                self.family = use(self.family, newest)
                assert self.family is not None
                assert self.family.successor == newest + 1

    @invariant()
    def ends_only_by_a_spent_token(self) -> None:
        assert (self.family is None) == self.ended

    @invariant()
    def knows_the_newest_used(self) -> None:
        if self.family is not None:
            assert self.family.generation == max(self.used, default=0)
            assert self.handed_out <= set(range(self.family.successor + 1))


TestFamilies = Families.TestCase


def test_the_first_token_works_as_long_as_no_successor_was_used() -> None:
    family: Family | None = Family()
    for _ in range(100):
        assert family is not None
        family = use(family, 0)
    assert family == Family(0)


def test_a_token_is_spent_when_its_successor_is_used() -> None:
    assert use(Family(), 1) == Family(1)
    assert use(Family(1), 0) is None


def test_a_family_restored_from_a_backup_catches_up() -> None:
    assert use(Family(3), 9) == Family(9)
