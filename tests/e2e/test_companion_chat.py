"""Summaries from outside: written by themselves, in the next prompt, and withdrawn."""

from http import HTTPStatus

from lingxi_chassis.ids import new_id
from tests.e2e.client import Json, User
from tests.e2e.simulated import Model
from tests.fixtures.waiting import eventually

HEADING = "Summary of the conversation so far"
SUMMARY_SECONDS_MAX = 120.0


async def summary_of(user: User, session_id: str) -> Json:
    return await user.get(f"/api/sessions/{session_id}/summary/")


async def summarised(user: User, session_id: str, beyond: int = 0) -> Json:
    """The summary once it covers more than so many messages."""
    found: list[Json] = []

    async def written() -> bool:
        found.append(await summary_of(user, session_id))
        return found[-1]["covers_up_to"] > beyond

    await eventually(written, SUMMARY_SECONDS_MAX)
    return found[-1]


async def talk(user: User, marker: str, messages_min: int) -> str:
    """A session of at least so many messages."""
    session_id = (await user.say(f"{marker} begins."))["session_id"]
    while len(await user.messages(session_id)) < messages_min:
        await user.say(f"{marker} goes on.", session_id=session_id)
    return session_id


async def test_ten_messages_are_summarised_and_the_next_prompt_knows(
    user: User, model: Model, marker: str
) -> None:
    session_id = await talk(user, marker, 10)
    written = await summarised(user, session_id)
    assert written["covers_up_to"] >= 10
    assert written["summary"]
    assert written["title"]
    shown = await user.session(session_id)
    assert (shown["summary"], shown["title"]) == (written["summary"], written["title"])

    asked = f"{marker} asks {new_id()}"
    answer = await user.say(asked, session_id=session_id)
    assert (answer["summary_updated"], answer["summary"]) == (True, written["summary"])
    (prompt,) = [one for one in await model.prompts(asked) if one[-1]["content"] == asked]
    assert f"{HEADING}\n{written['summary']}" in prompt[0]["content"]
    assert "summary_updated" not in await user.say(f"{marker} ends.", session_id=session_id)


async def test_an_edit_and_another_answer_withdraw_it(user: User, marker: str) -> None:
    session_id = await talk(user, marker, 10)
    covered = (await summarised(user, session_id))["covers_up_to"]
    newest = [one for one in await user.messages(session_id) if one["is_user"]][-1]
    assert newest["seq"] <= covered
    path = f"/api/sessions/{session_id}/messages/{newest['id']}/"
    await user.send("PATCH", path, {"message": f"{marker} edited."}, HTTPStatus.ACCEPTED)
    await user.turn_ends(session_id)
    anew = await summarised(user, session_id, beyond=covered)
    assert anew["summary"]

    path = f"/api/sessions/{session_id}/regenerate/"
    await user.send("POST", path, {}, HTTPStatus.ACCEPTED)
    await user.turn_ends(session_id)
    assert (await summarised(user, session_id, beyond=anew["covers_up_to"]))["summary"]
