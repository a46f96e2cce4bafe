"""Holds journals, history, log, stream and feeds against each other. Each finding is one line.

Invariants (architecture 3): nothing accepted is lost; once in the log; order; read models equal the
log; mine only; an error is never a message; turns do not mix; erased is erased.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

import orjson

from lingxi_contracts.envelope import Envelope
from tests.chaos.journal import Edit, Journal, Post
from tests.chaos.reading import Chat, Logged, Messages
from tests.chaos.telling import MARK, TOMBSTONES
from tests.chaos.unasked import is_given_up

ERROR = re.compile(r"\[(error|critical) *\]|Traceback")
AFTER_RESET = timedelta(seconds=2)
"""Events about as old as a reset may be told or not: they are in what the user reads after it."""
TOLD = frozenset(
    ("message_posted", "message_sent", "turn_started", "turn_completed", "turn_failed")
)


def check_journal(journal: Journal, messages: Messages) -> Iterable[str]:
    """What a user was told is what there is, once."""
    yield from journal.complaints
    for post in journal.posts:
        if post.told in ("unknown", "pending"):
            yield f"{post.key}: still {post.told} at the end"
        if post.in_session is not None and post.in_session not in journal.deleting:
            yield from _check_post(post, messages.get(post.in_session, []))
    for edit in journal.edits:
        if edit.session_id not in journal.deleting:
            yield from _check_edit(edit, messages.get(edit.session_id, []))
    for session_id in journal.deleted & messages.keys():
        yield f"{session_id}: deleted, and {len(messages[session_id])} messages are there"
    for session_id in journal.seen.keys() - journal.deleting:
        there = {row[0]: (row[1], row[3]) for row in messages.get(session_id, [])}
        for seq, message in journal.seen[session_id].items():
            if there.get(seq) != message:
                yield f"{session_id}: message {seq} is not what was shown"


def _check_post(post: Post, there: Sequence[tuple[int, str, str, str]]) -> Iterable[str]:
    same = [row for row in there if row[2] == "user" and row[3] == post.text]
    if len(same) != 1:
        yield f"{post.key}: {len(same)} times in {post.in_session}, accepted once"
    elif same[0][1] != post.message_id:
        yield f"{post.key}: another id than was told"
    texts = {row[1]: row[3] for row in there}
    for message_id, text in post.answer.items():
        if texts.get(message_id) != text:
            yield f"{post.key}: its answer {message_id} is not what was told"


def _check_edit(edit: Edit, there: Sequence[tuple[int, str, str, str]]) -> Iterable[str]:
    times = sum(row[2] == "user" and row[3] == edit.text for row in there)
    if times > 1 or (edit.accepted and times == 0):
        yield f"{edit.session_id}: {times} times edited to {edit.text!r}, accepted: {edit.accepted}"


def check_users(journals: Sequence[Journal], messages: Messages) -> Iterable[str]:
    """Each session holds the words of one user; the log holds no post that nobody made."""
    owner = {session: journal.marker for journal in journals for session in journal.sessions}
    for session_id, rows in messages.items():
        marks = {mark for row in rows for mark in MARK.findall(row[3])}
        if len(marks) > 1 or (session_id in owner and marks - {owner[session_id]}):
            yield f"{session_id}: words of several users: {marks}"


def check_read_model(chat: Chat) -> Iterable[str]:
    """The messages that readers see are those of the log."""
    said: Messages = defaultdict(list)
    hidden: set[str] = set()
    deleted = {row.session_id for row in chat.log if row.type in TOMBSTONES}
    for row in chat.log:
        if row.type in ("message_posted.v1", "message_sent.v1") and row.data is not None:
            author = "user" if row.type == "message_posted.v1" else "agent"
            if row.session_id not in deleted:
                message = (row.data["seq"], row.data["message_id"], author, row.data["text"])
                said[row.session_id].append(message)
        if row.type == "messages_superseded.v1" and row.data is not None:
            hidden |= set(row.data["message_ids"]) if row.session_id not in deleted else set()
    if hidden != chat.superseded:
        yield f"superseded in the log and in the read model differ: {hidden ^ chat.superseded}"
    for session_id in said.keys() | chat.messages.keys():
        if said.get(session_id, []) != chat.messages.get(session_id, []):
            yield f"{session_id}: the read model is not the log"


def check_stream(log: Sequence[Logged], stream: Sequence[Envelope]) -> Iterable[str]:
    """The stream holds every row once, each session's in order of version, with the same data.

    Of a deleted session it must hold the tombstone; what came before is deleted, or about to be.
    """
    published: dict[str, list[Envelope]] = defaultdict(list)
    for envelope in stream:
        published[str(envelope.subject)].append(envelope)
    logged: dict[str, list[Logged]] = defaultdict(list)
    for row in log:
        logged[row.session_id].append(row)
    for session_id in logged.keys() | published.keys():
        told = [(one.sequence, one.type) for one in published.get(session_id, [])]
        rows = [(row.version, row.type) for row in logged.get(session_id, [])]
        if rows and rows[-1][1] in TOMBSTONES:
            if told[-1:] != rows[-1:] or told != [row for row in rows if row in set(told)]:
                yield f"{session_id}: deleted, and the stream tells another story: {told}"
        elif told != rows:
            yield f"{session_id}: the stream has {len(told)} events, the log {len(rows)}, or not so"
        else:
            yield from _check_data(published[session_id], logged[session_id])


def _check_data(published: Sequence[Envelope], logged: Sequence[Logged]) -> Iterable[str]:
    for envelope, row in zip(published, logged, strict=True):
        told, kept = (
            orjson.dumps(x, option=orjson.OPT_SORT_KEYS) for x in (envelope.data, row.data)
        )
        if told != kept:
            yield f"{row.session_id}: event {row.version} differs in the stream"


def check_feed(journal: Journal, log: Sequence[Logged]) -> Iterable[str]:
    """The feed told the user's events alone, once between two resets, each session's in order.

    And all of them, from a little after the first one that it told since the last reset to the last
    one before the user went: an agent may write later than that.
    """
    by_id = {row.event_id: row for row in log}
    told_ids: set[str] = set()
    for span in journal.spans:
        newest: dict[str, int] = {}
        seen: set[str] = set()
        for frame in span:
            event_id = frame.data["event_id"]
            if event_id in seen:
                yield f"{journal.username}: told twice of {frame.event} {event_id}"
            seen.add(event_id)
            if set(MARK.findall(str(frame.data))) - {journal.marker}:
                yield f"{journal.username}: told of somebody else's words: {frame.data}"
            row = by_id.get(event_id)
            if row is None:
                continue  # an agent's
            if row.user_id != journal.user_id:
                yield f"{journal.username}: told of another user's {frame.event}"
            if row.version <= newest.get(row.session_id, 0):
                yield f"{journal.username}: told of {row.session_id} out of order"
            newest[row.session_id] = row.version
        told_ids |= seen
    yield from _missed(journal, by_id, told_ids)


def _missed(journal: Journal, by_id: Mapping[str, Logged], told_ids: set[str]) -> Iterable[str]:
    span = [row for one in journal.spans[-1] if (row := by_id.get(one.data["event_id"]))]
    if not span or span[0].at is None or journal.leaving:
        return
    since, last = span[0].at + AFTER_RESET, max(row.place for row in span)
    for row in by_id.values():
        lately = row.at is not None and row.at > since and row.place <= last
        is_due = lately and row.user_id == journal.user_id
        kept = row.session_id not in journal.deleting and row.type.split(".")[0] in TOLD
        if is_due and kept and row.event_id not in told_ids:
            yield f"{journal.username}: never told of {row.type} {row.event_id}"


def check_gone(journals: Sequence[Journal], everything: Mapping[str, str]) -> Iterable[str]:
    """What was deleted is nowhere."""
    for journal in journals:
        for text in journal.gone_texts():
            for place, said in everything.items():
                if text in said:
                    yield f"{text!r} was deleted and is in {place}"


def check_output(output: str) -> Iterable[str]:
    """Whatever dies, a service foresaw it: it warns, and has no error to tell but one."""
    for line in output.splitlines():
        if ERROR.search(line) and not is_given_up(line):
            yield line
