"""Turns, end to end through chat: post, model, outcome."""

import asyncio

import pytest

from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import fetch_all
from lingxi_contracts.agent import ChangePersonality
from lingxi_contracts.chat import GetAnswer
from lingxi_contracts.errors import AgentMismatch, IdempotencyKeyReused, TooManyPending
from services.chat.tests.component.harness import RunningChat

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_message_is_answered_in_a_new_session(chat: RunningChat) -> None:
    said = await chat.say("Hello, my name is Ada.")

    assert said.status == "answered"
    assert said.answer is not None
    posted, *sent = await chat.messages(said.session_id)
    assert (posted.author, posted.text, posted.read) == ("user", "Hello, my name is Ada.", True)
    assert posted.turn_id == said.turn_id
    assert sent == list(said.answer.messages)
    assert {message.author for message in sent} == {"agent"}
    assert [message.bubble for message in sent] == list(range(len(sent)))
    session = await chat.session(said.session_id)
    assert session.turn is None
    assert session.unread_count == len(sent)
    assert session.first_unread_id == sent[0].message_id
    assert session.last_message == sent[-1]
    assert session.agent_name == "default"


async def test_the_conversation_goes_on_with_all_that_was_said(chat: RunningChat) -> None:
    first = await chat.say("My name is Ada.")
    await chat.say("What is my name?", first.session_id)

    messages = await chat.messages(first.session_id)
    assert "Ada" in messages[-1].text
    assert [message.seq for message in messages] == list(range(1, len(messages) + 1))


async def test_a_reply_in_bubbles_is_sent_bubble_by_bubble(chat: RunningChat) -> None:
    await chat.model.fault("raw", contains="bubbles1", content="One.\n<next>\nTwo <next> 3.")
    said = await chat.say("bubbles1")
    await chat.model.fault("raw", contains="bubbles2", content='```{"messages": ["a", "b"]}```')
    await chat.say("bubbles2", said.session_id)

    messages = await chat.messages(said.session_id)
    texts = ["bubbles1", "One.", "Two", "3.", "bubbles2", "a", "b"]
    assert [message.text for message in messages] == texts
    assert messages[1].delay_ms == 0
    assert messages[2].delay_ms
    # The model sees its earlier bubbles in the syntax it is asked for.
    (prompt,) = await chat.model.prompts("bubbles2")
    assert prompt[-2] == {"role": "assistant", "content": "One.\n<next>\nTwo\n<next>\n3."}


async def test_posts_during_a_turn_are_answered_together_by_the_next(chat: RunningChat) -> None:
    """Guards `AnswerTurns._record`: an outcome starts the turn for what came meanwhile."""
    await chat.model.fault("hang", contains="burst 1", times=1)
    first = await chat.ask(chat.post("burst 1"))
    await chat.model.asked("burst 1")
    others = [await chat.ask(chat.post(f"burst {n}", first.session_id)) for n in (2, 3, 4)]
    assert {other.turn_id for other in others} == {first.turn_id}
    await chat.model.heal()

    one = await chat.outcome(first)
    rest = [await chat.outcome(other) for other in others]

    assert {answered.turn_id for answered in rest} == {rest[0].turn_id}
    assert rest[0].turn_id != one.turn_id
    logged = await chat.logged(first.session_id)
    assert logged.count("turn_started") == logged.count("turn_completed") == 2
    ended = logged.index("turn_completed")
    assert logged[ended + 1] == "turn_started"
    same_append = await fetch_all(
        chat.pool,
        "select count(distinct xid) from events where stream_id = %(id)s"
        " and version in (%(end)s, %(end)s + 1)",
        {"id": first.session_id, "end": ended + 1},
    )
    assert same_append == [(1,)]
    # One prompt, and in it each message once, those that wait last.
    (prompt,) = await chat.model.prompts("burst 4")
    texts = [message["content"] for message in prompt if message["role"] == "user"]
    assert texts == ["burst 1", "burst 2", "burst 3", "burst 4"]
    assert [message["role"] for message in prompt[-4:]] == ["assistant", "user", "user", "user"]


async def test_posts_before_the_claim_are_answered_by_that_turn(chat: RunningChat) -> None:
    """The turn waits in the queue; whoever claims it sees all that came before."""
    await chat.model.fault("hang", contains="early", times=1)
    first = await chat.ask(chat.post("early 1"))
    await chat.model.asked("early 1")
    second = await chat.ask(chat.post("late 2", first.session_id))
    await chat.expire_lease(first.session_id)
    async with chat.another_worker() as worker:
        await worker.take_waiting()
        outcomes = [await chat.outcome(first), await chat.outcome(second)]

    assert {outcome.turn_id for outcome in outcomes} == {first.turn_id}
    assert outcomes[0].answer == outcomes[1].answer
    assert (await chat.logged(first.session_id)).count("turn_completed") == 1


async def test_five_posts_at_once_with_one_id_are_one_message(chat: RunningChat) -> None:
    """Guards `find_repeat`, and the unique index on a user's message ids."""
    post = chat.post("At once.")
    states = await asyncio.gather(*(chat.ask(post) for _ in range(5)))

    assert len({state.turn_id for state in states}) == 1
    outcome = await chat.outcome(states[0])
    assert (await chat.logged(post.session_id)).count("message_posted") == 1
    assert (await chat.logged(post.session_id)).count("turn_started") == 1
    assert await chat.ask(post) == outcome

    again = chat.post("At once, again.", post.session_id)
    states = await asyncio.gather(*(chat.ask(again) for _ in range(5)))
    assert len({state.turn_id for state in states}) == 1
    await chat.outcome(again)
    assert (await chat.logged(post.session_id)).count("message_posted") == 2


async def test_different_posts_at_once_are_all_recorded_and_answered(chat: RunningChat) -> None:
    first = await chat.say("Hello.")
    posts = [chat.post(f"At once {n}.", first.session_id) for n in range(5)]
    await asyncio.gather(*(chat.ask(post) for post in posts))
    outcomes = [await chat.outcome(post) for post in posts]

    assert {outcome.status for outcome in outcomes} == {"answered"}
    answered = [
        message_id
        for name, data in await chat.events(first.session_id)
        if name == "turn_completed"
        for message_id in data["answers"]
    ]
    assert len(answered) == len(set(answered)) == 6


async def test_a_key_used_for_another_request_is_refused(chat: RunningChat) -> None:
    post = chat.post("Mine.")
    await chat.ask(post)

    with pytest.raises(IdempotencyKeyReused):
        await chat.ask(post.model_copy(update={"request_hash": "other"}))
    elsewhere = chat.post("Mine.", message_id=post.message_id, request_hash="other")
    with pytest.raises(IdempotencyKeyReused):
        await chat.ask(elsewhere)
    # The same request finds the first one, wherever it is sent.
    repeat = elsewhere.model_copy(update={"request_hash": post.request_hash})
    assert (await chat.ask(repeat)).session_id == post.session_id


async def test_a_session_keeps_its_agent(chat: RunningChat) -> None:
    agent_id = await chat.agent()
    said = await chat.say("Hello.", agent_id=agent_id)

    with pytest.raises(AgentMismatch):
        await chat.ask(chat.post("You?", said.session_id, agent_id=new_id()))
    assert (await chat.say("You.", said.session_id, agent_id=agent_id)).status == "answered"
    assert (await chat.session(said.session_id)).agent_name == "Mo"


async def test_the_very_next_reply_speaks_with_a_changed_personality(chat: RunningChat) -> None:
    agent_id = await chat.agent("You are a gardener.")
    said = await chat.say("changing 1", agent_id=agent_id)
    await chat.ask(
        ChangePersonality(
            user_id=chat.user_id, agent_id=agent_id, personality_prompt="You are a pirate."
        )
    )
    await chat.say("changing 2", said.session_id)

    (before,), (after,) = [await chat.model.prompts(f"changing {n}") for n in (1, 2)]
    assert before[0]["content"].startswith("You are a gardener.")
    assert after[0]["content"].startswith("You are a pirate.")
    versions = [
        data["personality_version"]
        for name, data in await chat.events(said.session_id)
        if name == "turn_completed"
    ]
    assert versions == [1, 2]


async def test_a_model_the_provider_does_not_know_falls_back(chat: RunningChat) -> None:
    await chat.model.fault("unknown_model", model="gpt-imagined")
    agent_id = await chat.agent(model="gpt-imagined")
    said = await chat.say("Who speaks?", agent_id=agent_id)

    assert said.status == "answered"
    (completed,) = [
        data for name, data in await chat.events(said.session_id) if name == "turn_completed"
    ]
    assert completed["fallback_from"] == "gpt-imagined"
    assert completed["model"] == "simulated"
    assert completed["attempt"] == 1
    assert completed["usage"]["prompt_tokens"] > 0


async def test_no_more_messages_wait_than_the_bound(chat: RunningChat) -> None:
    await chat.model.fault("hang", contains="so many", times=1)
    first = await chat.ask(chat.post("so many 1"))
    await chat.model.asked("so many 1")
    for n in range(2, 101):
        await chat.ask(chat.post(f"so many {n}", first.session_id))

    with pytest.raises(TooManyPending):
        await chat.ask(chat.post("so many 101", first.session_id))
    await chat.expire_lease(first.session_id)
    async with chat.another_worker() as worker:
        await worker.take_waiting()
        assert (await chat.outcome(first)).status == "answered"
    (prompt,) = [p for p in await chat.model.prompts("so many") if len(p) > 2]
    assert [m["content"] for m in prompt[1:]] == [f"so many {n}" for n in range(1, 101)]
    assert (await chat.say("so few", first.session_id)).status == "answered"


async def test_the_text_is_kept_exactly(chat: RunningChat) -> None:
    text = '  \n"quoted" \\ <next> {"messages": ["x"]}\t你好 😀\u200b  '
    said = await chat.say(text)

    question = GetAnswer(
        user_id=chat.user_id, session_id=said.session_id, message_id=said.message_id
    )
    assert (await chat.ask(question)).status == "answered"
    assert (await chat.messages(said.session_id))[0].text == text


@pytest.mark.parametrize(("asked_for", "sent"), [(30_000, 4_096), (300, 300), (None, None)])
async def test_an_answer_is_asked_for_that_fits_the_context(
    chat: RunningChat, asked_for: int | None, sent: int | None
) -> None:
    """The provider adds it to what it reads, and would refuse every turn."""
    text = f"room for {asked_for}"
    agent_id = await chat.agent(name=text, max_tokens=asked_for)
    assert (await chat.say(text, agent_id=agent_id)).status == "answered"
    bodies = [one["body"] for one in (await chat.model.http.get("/requests")).json()["requests"]]
    (body,) = [one for one in bodies if one["messages"][-1]["content"] == text]
    assert body.get("max_tokens") == sent
