"""Names on the wire: each follows its rule, is there once, and fits the permission table."""

import re
from collections.abc import Iterator
from typing import cast
from uuid import UUID

import pytest

from libs.contracts.tests.golden import OWNERS, all_events
from lingxi_contracts import agent, chat, errors, gateway, subjects
from lingxi_contracts.base import Answer, Event, Request
from lingxi_contracts.envelope import Envelope
from lingxi_contracts.errors import Refusal
from lingxi_contracts.identity import derived_message_id, derived_session_id
from lingxi_contracts.reading import ReadLog
from lingxi_contracts.scheduler import ListDecisions
from lingxi_local.permissions import ROLES, SERVICE_DURABLES, Role

USER = UUID("01a203da-5359-72ef-99b7-a99a24f4f3a7")
STREAM = UUID("01a203da-5359-72ef-99b7-a99a24f4f3a8")
ROLE_OF = {role.service: role for role in ROLES}


def snake_case(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def fits(subject: str, patterns: list[str]) -> bool:
    """Whether NATS would match a subject with one of the patterns."""

    def one(pattern: str) -> bool:
        expression = re.escape(pattern).replace(r"\*", r"[^.]+").replace(">", ".+")
        return re.fullmatch(expression, subject) is not None

    return any(one(pattern) for pattern in patterns)


def requests() -> Iterator[type[Request[Answer]]]:
    """Every request of every owner; their base class has no name."""
    for module in (agent, chat, gateway):
        for thing in cast("dict[str, object]", vars(module)).values():
            if isinstance(thing, type) and issubclass(thing, Request):
                request = cast("type[Request[Answer]]", thing)
                if hasattr(request, "name"):
                    yield request


def refusals() -> list[type[Refusal]]:
    return [
        thing
        for thing in vars(errors).values()
        if isinstance(thing, type) and issubclass(thing, Refusal) and thing is not Refusal
    ]


@pytest.mark.parametrize(("owner", "event"), list(all_events()))
def test_a_tag_is_the_class_in_snake_case_and_a_version(owner: str, event: type[Event]) -> None:
    """Guards searching: one spelling finds the class, the subject, the file and the handlers."""
    name, _, version = event.tag.partition(".")
    assert re.fullmatch(r"v[1-9]\d*", version)
    assert name == re.sub(r"_v\d+$", "", snake_case(event.__name__))
    assert OWNERS[owner][event.tag] is event


def test_every_event_class_is_listed() -> None:
    """Guards `EVENTS`: an event that is missing there could not be read from the log."""
    for module in (agent, chat, gateway):
        defined = {
            thing
            for thing in vars(module).values()
            if isinstance(thing, type) and issubclass(thing, Event) and thing is not Event
        }
        assert set(module.EVENTS.values()) == defined


@pytest.mark.parametrize(("owner", "event"), list(all_events()))
def test_an_event_subject_is_captured_and_permitted(owner: str, event: type[Event]) -> None:
    """Guards the relay: the owner may publish it, its stream takes it, nobody else may say it."""
    subject = subjects.event_subject(owner, event.tag, USER, STREAM)
    assert subject == f"{owner}.event.{event.tag.split('.')[0]}.{USER}.{STREAM}"
    assert fits(subject, [subjects.event_subjects(owner)])
    assert fits(subject, [subjects.event_filter(owner, event.tag.split(".")[0])])
    speakers = {role.service for role in ROLES if fits(subject, role.publish())}
    assert speakers == {owner}


@pytest.mark.parametrize("owner", list(OWNERS))
def test_an_owner_may_keep_its_stream_and_hear_its_nudges(owner: str) -> None:
    """Guards the relay's other subjects."""
    role = ROLE_OF[owner]
    stream = subjects.stream_name(owner)
    for verb in ("INFO", "CREATE", "UPDATE", "PURGE", "MSG.GET"):
        assert fits(f"$JS.API.STREAM.{verb}.{stream}", role.publish())
    assert fits(subjects.relay_nudge(owner), role.subscribe())
    assert fits(subjects.relay_nudge(owner), role.publish())


def test_requests_have_names_of_their_own() -> None:
    """Guards routing: one subject, one request; the name is the class in snake case."""
    found = list(requests())
    assert len(found) >= 20
    named = [subjects.rpc_subject(request) for request in found]
    assert len(set(named)) == len(named)
    for request in found:
        assert request.name == snake_case(request.__name__)
        assert issubclass(request.answer_type(), Answer)
        assert "user_id" in request.model_fields


@pytest.mark.parametrize("request_type", list(requests()), ids=lambda one: one.__name__)
def test_a_request_is_heard_by_its_owner_and_may_be_asked(
    request_type: type[Request[Answer]],
) -> None:
    """Guards the table: the owner subscribes, somebody may call it, no stream captures it."""
    subject = subjects.rpc_subject(request_type)
    hearers = {role.service for role in ROLES if fits(subject, role.subscribe())}
    assert hearers == {request_type.owner}
    assert any(fits(subject, role.publish()) for role in ROLES)
    captured = [subjects.event_subjects(owner) for owner in OWNERS] + ["dead.>", "chat.live.>"]
    assert not fits(subject, captured)


def test_chat_may_ask_for_the_profile_alone() -> None:
    """Guards the narrowest permission there is."""
    allowed = {one.name for one in requests() if _may_ask(ROLE_OF["chat"], one)}
    assert allowed == {"get_profile"}


def test_the_gateway_may_not_ask_what_is_the_background_workers() -> None:
    """Guards logs from the credentials of the part that faces the world."""
    asked = {one.name for one in requests() if _may_ask(ROLE_OF["gateway"], one)}
    assert asked.isdisjoint({"record_summary", "record_review", "record_memories"})
    assert asked.isdisjoint({"send_proactive", "get_profile", "get_summary_work"})


def test_every_request_of_the_table_exists() -> None:
    """Guards the table: what nobody answers is not permitted either."""
    there = {subjects.rpc_subject(one) for one in (*requests(), ListDecisions)}
    there |= {f"{owner}.rpc.{ReadLog.name}" for owner in OWNERS}
    named = {
        f"{owner}.rpc.{name}"
        for role in ROLES
        for owner, names in role.calls.items()
        for name in names
    }
    assert named <= there


def _may_ask(role: Role, request: type[Request[Answer]]) -> bool:
    return fits(subjects.rpc_subject(request), role.publish())


def test_live_signals_and_nudges_are_permitted() -> None:
    """Guards token frames, typing and the nudge for turns that nobody took."""
    live = subjects.live_subject(USER, STREAM)
    assert fits(live, ROLE_OF["chat"].publish())
    assert not fits(live, ROLE_OF["gateway"].publish())
    assert fits(live, ROLE_OF["gateway"].subscribe())
    assert fits(subjects.CHAT_WORK, ROLE_OF["chat"].publish())
    assert fits(subjects.CHAT_WORK, ROLE_OF["chat"].subscribe())
    ended = subjects.turn_ended_subject(STREAM, STREAM)
    assert fits(ended, ROLE_OF["chat"].publish())
    assert fits(ended, ROLE_OF["gateway"].subscribe())
    assert fits(ended, [subjects.turns_ended()])
    for changed in (subjects.profiles_changed(USER), subjects.profiles_changed(None)):
        assert fits(changed, ROLE_OF["agent"].publish())
        assert not fits(changed, ROLE_OF["chat"].publish())
        assert fits(changed, [subjects.PROFILES_CHANGED])
    assert fits(subjects.PROFILES_CHANGED, ROLE_OF["chat"].subscribe())


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.service)
def test_dead_letters_and_consumers_are_permitted(role: Role) -> None:
    """Guards handlers: own dead letters only, and a consumer for each."""
    letter = subjects.dead_letter_subject(role.service, "handler", USER, STREAM)
    assert {other.service for other in ROLES if fits(letter, other.publish())} == {role.service}
    for stream, handlers in role.hears.items():
        for handler in handlers:
            durable = subjects.durable_name(role.service, handler)
            assert "." not in durable
            assert durable in SERVICE_DURABLES[stream]
            for verb in ("CREATE", "INFO", "MSG.NEXT"):
                assert fits(f"$JS.API.CONSUMER.{verb}.{stream}.{durable}", role.publish())


def test_refusals_have_a_code_of_their_own_and_say_something() -> None:
    """Guards the one table of statuses: a code finds its class, a docstring is its message."""
    codes = [refusal.code for refusal in refusals()]
    assert len(set(codes)) == len(codes)
    for refusal in refusals():
        assert refusal.code == snake_case(refusal.__name__)
        assert Refusal.by_code[refusal.code] is refusal
        message = refusal().message
        assert message[:1].isupper()
        assert message.endswith(".")
        assert "\n" not in message


def test_derived_ids_are_stable() -> None:
    """Guards idempotency over releases: the same user and key find what was made long ago."""
    assert derived_message_id(USER, "a key") == UUID("72550da5-c4d7-5fd9-8ea6-936a4e7e91a8")
    assert derived_session_id(USER, "a key") == UUID("c58f40a2-240e-53b9-a666-13e21df3d84d")
    assert derived_message_id(USER, "a key") != derived_session_id(USER, "a key")
    assert derived_message_id(STREAM, "a key") != derived_message_id(USER, "a key")


def test_the_envelope_is_what_subscribers_rely_on() -> None:
    """Guards CloudEvents 1.0 with our extensions: names, and integers as strings."""
    published = {
        "specversion": "1.0",
        "id": str(STREAM),
        "source": "/lingxi/chat",
        "type": "message_posted.v1",
        "subject": str(STREAM),
        "time": "2026-11-22T12:00:00Z",
        "datacontenttype": "application/json",
        "userid": str(USER),
        "sequence": "7",
        "position": "70",
        "correlationid": "a",
        "causationid": "b",
        "data": {"text": "你好"},
    }
    event = Envelope.model_validate(published)
    assert event.model_dump(mode="json") == published
    assert (event.sequence, event.position, event.name) == (7, 70, "message_posted")
