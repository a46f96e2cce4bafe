"""The gate: never more than its slots, none lost, whoever is cancelled when."""

import asyncio

from hypothesis import given, settings, strategies as st

from lingxi_chassis.model.gate import Gate
from lingxi_chassis.model.messages import Priority

_steps = st.lists(
    st.tuples(st.sampled_from(Priority), st.integers(0, 3), st.integers(0, 6)), max_size=12
)


@settings(max_examples=60)
@given(st.integers(1, 4), _steps)
def test_slots_are_neither_exceeded_nor_lost(
    concurrency: int, steps: list[tuple[Priority, int, int]]
) -> None:
    """Guards `Gate.enter` and `leave`, whatever the order."""
    asyncio.run(_run(concurrency, steps))


async def _run(concurrency: int, steps: list[tuple[Priority, int, int]]) -> None:
    gate, inside = Gate(concurrency), [0, 0]
    most_background = max(1, concurrency // 2)

    async def call(priority: Priority, turns: int) -> None:
        await gate.enter(priority)
        inside[priority] += 1
        assert sum(inside) <= concurrency
        assert inside[Priority.BACKGROUND] <= most_background
        try:
            for _ in range(turns):
                await asyncio.sleep(0)
        finally:
            inside[priority] -= 1
            gate.leave(priority)

    tasks = [asyncio.create_task(call(priority, turns)) for priority, turns, _ in steps]
    for round_number in range(7):
        await asyncio.sleep(0)
        for task, (_, _, cancelled_in) in zip(tasks, steps, strict=True):
            if cancelled_in == round_number:
                task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert not [one for one in done if isinstance(one, AssertionError)]
    assert (gate.free, gate.waiting) == (concurrency, 0)
    await asyncio.wait_for(asyncio.gather(*(call(Priority.REPLY, 1) for _ in range(3))), 5)
