"""What `make bench` fails for: what holds on any machine, and never how fast this one was."""

from benchmarks.by_clients import ByClients
from benchmarks.costs import read_baseline
from benchmarks.counting import Counted
from benchmarks.machine import Machine
from benchmarks.report import BUSY_CLIENTS, broken, misses
from benchmarks.run import Figures

MACHINE = Machine(2, "any", "3.13", "18", "2.15", {}, 0.1)


def turns(*, errors: int) -> ByClients:
    """As slow as can be."""
    return ByClients(BUSY_CLIENTS, 1, 1000, 1000, 1000, 1, 0.001, 1000, {}, 10, errors)


def test_a_slow_machine_misses_targets_and_breaks_nothing() -> None:
    figures = Figures(MACHINE, by_clients=[turns(errors=0)], costs=read_baseline())

    assert misses(figures)
    assert broken(figures) == []


def test_costs_that_are_not_those_recorded_break_it_at_any_length() -> None:
    for name, counted in read_baseline().items():
        for one_more in (1, -1):
            changed = Counted(counted.statements + one_more, 2, 2, 5)
            assert any(
                f"a {name} costs" in one for one in broken(Figures(MACHINE, costs={name: changed}))
            )


def test_a_turn_without_an_answer_breaks_it() -> None:
    assert len(broken(Figures(MACHINE, by_clients=[turns(errors=1)]))) == 1
