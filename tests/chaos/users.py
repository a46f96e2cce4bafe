"""Users who live: they say, repeat, read, steer, delete and leave, until they are told to stop.

Each follows the feed all the while. At the end they repeat what is unknown until it is known, wait
until no turn is open, and say one last thing, which their feed must tell.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from tests.chaos import controls, deleting, following, posting
from tests.chaos.journal import Post
from tests.chaos.somebody import Somebody
from tests.fixtures.waiting import eventually

PAUSE_SECONDS_MAX = 0.3
SETTLE_SECONDS_MAX = 90.0
HEAR_SECONDS_MAX = 15.0
STAYING = 8
"""So many users never leave."""

type Action = Callable[[Somebody], Awaitable[object]]


def _in_a_session(act: Callable[[Somebody, str], Awaitable[None]]) -> Action:
    """An action in a session that is there, if there is one."""

    async def in_a_session(me: Somebody) -> None:
        if me.journal.living:
            await act(me, me.chance.choice(me.journal.living))

    return in_a_session


ACTIONS: dict[Action, int] = {
    posting.say: 36,
    posting.say_streamed: 12,
    posting.say_and_interrupt: 10,
    posting.repeat: 10,
    _in_a_session(controls.read): 16,
    _in_a_session(controls.rename): 4,
    _in_a_session(controls.retry): 8,
    _in_a_session(controls.regenerate): 6,
    _in_a_session(controls.edit): 6,
    _in_a_session(controls.stop): 2,
    _in_a_session(controls.be_typing): 2,
    controls.set_manners: 6,
    deleting.create_agent: 3,
    deleting.delete_some_session: 3,
    deleting.delete_some_agent: 2,
}
"""How often, in relation to one another."""
LEAVE_WEIGHT = 1


async def live(me: Somebody, stop: asyncio.Event) -> None:
    """Do things until told to stop, then settle."""
    actions = dict(ACTIONS)
    if me.number >= STAYING:
        actions[deleting.leave] = LEAVE_WEIGHT
    feeding = asyncio.create_task(following.follow(me))
    try:
        while not stop.is_set() and not me.journal.leaving:
            (act,) = me.chance.choices(list(actions), list(actions.values()))
            await act(me)
            await asyncio.sleep(me.chance.uniform(0, PAUSE_SECONDS_MAX))
        await stop.wait()
        await (_have_left(me) if me.journal.leaving else _settle(me))
    finally:
        feeding.cancel()
        await asyncio.wait([feeding])
        await me.http.aclose()


async def _have_left(me: Somebody) -> None:
    async def gone() -> bool:
        return me.journal.left or await deleting.leave(me)

    await eventually(gone, SETTLE_SECONDS_MAX)


async def _settle(me: Somebody) -> None:
    journal = me.journal
    for post in journal.posts:
        await eventually(partial(_known, me, post), SETTLE_SECONDS_MAX)
    for agent_id in journal.agents_deleting - journal.agents_deleted:
        await eventually(partial(deleting.delete_agent, me, agent_id), SETTLE_SECONDS_MAX)
    for session_id in journal.deleting - journal.deleted:
        await eventually(partial(deleting.delete_session, me, session_id), SETTLE_SECONDS_MAX)
    for session_id in journal.living:
        await eventually(partial(controls.is_quiet, me, session_id), SETTLE_SECONDS_MAX)
        await controls.read(me, session_id)
    await eventually(partial(_hears_of_itself, me), SETTLE_SECONDS_MAX)


async def _hears_of_itself(me: Somebody) -> bool:
    """Say something and hear its end on the feed; a reset in between may leave it out."""
    await posting.say(me)
    last = me.journal.posts[-1]
    await eventually(partial(_known, me, last), SETTLE_SECONDS_MAX)
    with suppress(TimeoutError):
        await eventually(lambda: following.has_told(me, last.turn_id), HEAR_SECONDS_MAX)
    return following.has_told(me, last.turn_id)


async def _known(me: Somebody, post: Post) -> bool:
    if post.open:
        await posting.post(me, post)
    return not post.open
