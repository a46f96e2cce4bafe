"""Replies told while they are said: what readers see is what is stored."""

import asyncio
import itertools
import json

import pytest
from nats.aio.msg import Msg

from lingxi_chassis.ids import new_id
from lingxi_chassis.tasks import in_background
from lingxi_chat.adapters.live import LiveSignals
from lingxi_contracts.chat import DeleteSession, PostedMessage, SignalTyping
from lingxi_contracts.errors import SessionNotFound
from lingxi_contracts.live import Delta
from lingxi_contracts.subjects import CHAT_LIVE_STREAM, live_subject, turn_ended_subject
from services.chat.tests.component.harness import RunningChat
from services.chat.tests.component.live import hearing_ends, watching
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


def texts(posted: PostedMessage) -> tuple[str, ...]:
    assert posted.answer is not None, posted
    return tuple(message.text for message in posted.answer.messages)


async def test_a_slow_reply_is_told_as_it_comes(chat: RunningChat) -> None:
    await chat.model.fault("slow", contains="slowly", delay_ms=15)
    first = await chat.say("Hello.")
    async with watching(chat, first.session_id) as watched:
        said = await chat.say("slowly, in several messages please", first.session_id)

    assert watched.shown(said.turn_id) == texts(said)
    assert len(watched.deltas) > len(texts(said))
    assert {delta.attempt for delta in watched.deltas} == {1}
    assert watched.typing[0].who == "agent"


async def test_a_reply_in_one_burst_is_few_frames(chat: RunningChat) -> None:
    await chat.model.fault("raw", contains="burst", content="One two three.\n<next>\n" + "w " * 90)
    first = await chat.say("Hello.")
    async with watching(chat, first.session_id) as watched:
        said = await chat.say("burst", first.session_id)

    assert watched.shown(said.turn_id) == texts(said)
    assert len(watched.deltas) <= 4


@pytest.mark.parametrize("fails", [False, True])
async def test_an_end_is_told_as_it_is_recorded(chat: RunningChat, fails: bool) -> None:
    if fails:
        await chat.model.fault("status", contains="in two messages", status=401)
    first = await chat.say("Hello.")
    async with hearing_ends(chat) as heard:
        said = await chat.say("in two messages", first.session_id)
        subject = turn_ended_subject(said.session_id, said.turn_id)
        await eventually(lambda: subject in heard)
    await chat.model.heal()

    events = await chat.events(said.session_id)
    names = [name for name, _ in events]
    begun = len(names) - 1 - names[::-1].index("turn_started")
    told = [(event["type"].partition(".")[0], event["data"]) for event in heard[subject]]
    assert told == events[begun + 1 :]
    assert told[-1][0] == ("turn_failed" if fails else "turn_completed")
    of_first = turn_ended_subject(first.session_id, first.turn_id)  # it may be told late
    assert heard.keys() - {of_first} == {subject}


async def test_a_list_is_never_shown_raw(chat: RunningChat) -> None:
    first = await chat.say("Hello.")
    for number, content in enumerate(
        ('```json\n{"messages": ["One.", "Two."]}\n```', 'Hm. {"messages": ["A', "One\n<nex")
    ):
        await chat.model.fault("raw", contains=f"list {number}", content=content)
        async with watching(chat, first.session_id) as watched:
            said = await chat.say(f"list {number}", first.session_id)
        assert watched.shown(said.turn_id) == texts(said)
        assert not any(mark in d.text for d in watched.deltas for mark in ("{", "<", "`"))


async def test_a_cut_in_the_middle_is_tried_again_as_another_attempt(chat: RunningChat) -> None:
    first = await chat.say("Hello.")
    await chat.model.fault("cut", contains="cut off", after_chunks=6, times=1)
    async with watching(chat, first.session_id) as watched:
        said = await chat.say("cut off, what a pity", first.session_id)

    assert said.status == "answered"
    assert watched.shown(said.turn_id) == texts(said)
    attempts = [delta.attempt for delta in watched.deltas]
    assert attempts == sorted(attempts)
    assert set(attempts) == {1, 2}


async def test_another_claim_is_another_attempt_and_both_never_mix(chat: RunningChat) -> None:
    """Guards the attempt in `Telling`: who lost its claim talks on, in frames of a lower one."""
    first = await chat.say("Hello.")
    await chat.model.fault("slow", contains="two talk", delay_ms=25, times=1)
    async with watching(chat, first.session_id) as watched:
        posted = await chat.ask(chat.post("two talk at once", first.session_id))
        await eventually(lambda: len(watched.deltas) >= 2)
        await chat.expire_lease(first.session_id)
        async with chat.another_worker() as worker:
            await worker.take_waiting()
            said = await chat.outcome(posted)
            await eventually(lambda: bool({d.attempt for d in watched.deltas} == {1, 11}))

    assert watched.shown(said.turn_id) == texts(said)


async def test_turns_do_not_mix(chat: RunningChat) -> None:
    first = await chat.say("Hello.")
    await chat.model.fault("slow", contains="turn ", delay_ms=3)
    async with watching(chat, first.session_id) as watched:
        posts = [chat.post(f"turn {n}", first.session_id) for n in range(4)]
        await asyncio.gather(*(chat.ask(post) for post in posts))
        outcomes = [await chat.outcome(post) for post in posts]

    turns = [delta.turn_id for delta in watched.deltas]
    assert len({one.turn_id for one in outcomes}) == len(dict.fromkeys(turns))
    changes = sum(turn != after for turn, after in itertools.pairwise(turns))
    assert changes == len(set(turns)) - 1
    for outcome in outcomes:
        assert watched.shown(outcome.turn_id) == texts(outcome)


async def test_the_memory_stream_keeps_what_was_told_and_is_made_again(chat: RunningChat) -> None:
    jetstream = chat.nats.jetstream()
    said = await chat.say("Remember this.")

    info = await jetstream.stream_info(CHAT_LIVE_STREAM)
    assert info.config.max_age == 300
    kept = await jetstream.get_last_msg(
        CHAT_LIVE_STREAM, live_subject(chat.user_id, said.session_id)
    )
    assert Delta.model_validate_json(kept.data or b"").turn_id == said.turn_id

    await jetstream.delete_stream(CHAT_LIVE_STREAM)

    async def back() -> bool:
        return CHAT_LIVE_STREAM in [one.config.name for one in await jetstream.streams_info()]

    await eventually(back)


async def test_a_deleted_session_is_silent_at_once(chat: RunningChat) -> None:
    """Guards the word to the holder: until its lease is due it would go on talking."""
    await chat.model.fault("slow", contains="endlessly", delay_ms=100)
    first = await chat.say("Hello.")
    async with watching(chat, first.session_id) as watched:
        posted = await chat.ask(chat.post("endlessly, please", first.session_id))
        await eventually(lambda: bool(watched.deltas))
        await chat.ask(DeleteSession(user_id=chat.user_id, session_id=posted.session_id))
        other = await chat.say("slowly")
        told = len(watched.signals)
        await chat.say("endlessly, but briefly", other.session_id)
        assert len(watched.signals) == told


async def test_typing_is_told_to_the_users_own_devices_only(chat: RunningChat) -> None:
    said = await chat.say("Hello.")
    typing = SignalTyping(user_id=chat.user_id, session_id=said.session_id)
    async with watching(chat, said.session_id) as watched:
        await chat.ask(typing)
        await eventually(lambda: len(watched.typing) == 1)
    assert watched.typing[0].who == "user"
    for foreign in ({"user_id": new_id()}, {"session_id": new_id()}):
        with pytest.raises(SessionNotFound):
            await chat.ask(typing.model_copy(update=foreign))


async def test_the_live_stream_gets_the_replicas_that_are_set(chat: RunningChat) -> None:
    """As far as one server goes: it is asked for them."""
    asked: list[int] = []

    async def heard(message: Msg) -> None:
        asked.append(json.loads(message.data)["num_replicas"])

    await chat.nats.subscribe("$JS.API.STREAM.UPDATE.CHAT_LIVE", cb=heard)
    await chat.nats.flush()
    live = LiveSignals(chat.nats, replicas=3)
    async with in_background(live.keep_stream(), "live", lambda: None):
        await eventually(lambda: 3 in asked)
