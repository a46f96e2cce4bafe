"""Who asks chat: every request of `lingxi_contracts.chat`, parsed, passed on, answered."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from lingxi_chassis.postgres import Row
from lingxi_chassis.rpc import ANSWER_BYTES_MAX, RpcServer, within_bytes
from lingxi_chat.application.delete_session import delete_session
from lingxi_chat.application.edit_message import EditMessages
from lingxi_chat.application.get_answer import get_answer
from lingxi_chat.application.parts import Live, Profiles, SessionLog, load
from lingxi_chat.application.post_message import PostMessages
from lingxi_chat.application.read_messages import read_messages
from lingxi_chat.application.regenerate_turn import RegenerateTurns
from lingxi_chat.application.rename_session import rename_session
from lingxi_chat.application.retry_turn import RetryTurns
from lingxi_chat.application.signal_typing import signal_typing
from lingxi_chat.application.start_session import start_session
from lingxi_chat.application.stop_turn import StopTurns
from lingxi_chat.domain.session import Session
from lingxi_chat.projections import messages, sessions
from lingxi_contracts import chat
from lingxi_contracts.errors import SessionNotFound

PAGE_BYTES_MAX = ANSWER_BYTES_MAX - 16 * 1024
"""Of the results in a page; the rest is room for the answer around them."""
BEFORE_ALL = chat.SessionPlace(started_at=datetime.min.replace(tzinfo=UTC), session_id=UUID(int=0))
HISTORY_BATCH_SESSIONS = 20
"""Whose messages are read at once: a page may be full before all are needed."""


class ChatRpc:
    """The questions chat answers, on its log."""

    def __init__(self, log: SessionLog) -> None:
        self._log = log

    async def get_session(self, question: chat.GetSession) -> chat.SessionView:
        view = await sessions.get_session(self._log.pool, question.user_id, question.session_id)
        if view is None:
            raise SessionNotFound
        return view

    async def list_sessions(self, question: chat.ListSessions) -> chat.SessionPage:
        count, found = await sessions.list_sessions(self._log.pool, question)
        views = [one.view for one in found]
        results = within_bytes(views, _size, PAGE_BYTES_MAX)
        end = question.offset + len(results)
        return chat.SessionPage(
            count=count, results=tuple(results), next_offset=end if end < count else None
        )

    async def walk_sessions(self, question: chat.WalkSessions) -> chat.SessionWalk:
        after = question.after or BEFORE_ALL
        place = (after.started_at, after.session_id)
        views = await sessions.walk_sessions(
            self._log.pool, question.user_id, place, question.limit + 1
        )
        results = within_bytes(views[: question.limit], _size, PAGE_BYTES_MAX)
        last = results[-1] if len(results) < len(views) else None
        return chat.SessionWalk(
            results=tuple(results),
            next_after=last
            and chat.SessionPlace(started_at=last.started_at, session_id=last.session_id),
        )

    async def list_messages(self, question: chat.ListMessages) -> chat.MessagePage:
        snapshot = await load(self._log, question.session_id, question.user_id)
        rows = await messages.list_messages(self._log.pool, question)
        session = snapshot.state
        return _page(
            [messages.message_view(row, session) for row in rows],
            session,
            newest=question.after is None,
            edge=_edge(question, session.last_seq),
            superseded=question.superseded,
        )

    async def get_history(self, question: chat.GetHistory) -> chat.HistoryPage:
        listed = chat.ListSessions(
            user_id=question.user_id, offset=question.offset, limit=question.limit
        )
        count, found = await sessions.list_sessions(self._log.pool, listed)
        results: list[chat.SessionHistory] = []
        left = PAGE_BYTES_MAX
        for at in range(0, len(found), HISTORY_BATCH_SESSIONS):
            batch = found[at : at + HISTORY_BATCH_SESSIONS]
            rows = await messages.newest_of(
                self._log.pool, [one.view.session_id for one in batch], chat.HISTORY_MESSAGES_MAX
            )
            for one in batch:
                history = _history(one, rows[one.view.session_id])
                left -= _size(history)
                if left < 0 and results:
                    return _history_page(results, question.offset, count)
                results.append(history)
        return _history_page(results, question.offset, count)


def _edge(question: chat.ListMessages, last_seq: int) -> int:
    """The seq that the messages asked for end before, or begin with."""
    if question.after is not None:
        return question.after + 1
    return question.before or last_seq + 1


def _history(listed: sessions.Listed, rows: Sequence[Row]) -> chat.SessionHistory:
    view = listed.view
    views = [messages.message_view(row, listed.session) for row in rows]
    page = _page(views, listed.session, newest=True, bytes_max=PAGE_BYTES_MAX - _size(view))
    return chat.SessionHistory(session=view, messages=page)


def _history_page(
    results: Sequence[chat.SessionHistory], offset: int, count: int
) -> chat.HistoryPage:
    end = offset + len(results)
    return chat.HistoryPage(results=tuple(results), next_offset=end if end < count else None)


def _size(view: chat.SessionView | chat.SessionHistory | chat.MessageView) -> int:
    return len(view.model_dump_json().encode())


def _page(
    views: Sequence[chat.MessageView],
    session: Session,
    *,
    newest: bool,
    edge: int = 1,
    bytes_max: int = PAGE_BYTES_MAX,
    superseded: bool = False,
) -> chat.MessagePage:
    """As many as fit: of the newest the newest, else the first ones. Empty: it is before `edge`."""
    kept = within_bytes(list(reversed(views)) if newest else list(views), _size, bytes_max)
    results = tuple(reversed(kept)) if newest else tuple(kept)
    first = 1 if superseded or session.first is None else session.first.seq
    return chat.MessagePage(
        results=results,
        older=(results[0].seq if results else min(edge, session.last_seq + 1)) > first,
        newer=(results[-1].seq if results else edge - 1) < session.last_seq,
    )


@dataclass(frozen=True, slots=True)
class Turns:
    """The use cases that start and stop turns."""

    post: PostMessages
    retry: RetryTurns
    regenerate: RegenerateTurns
    edit: EditMessages
    stop: StopTurns


async def serve(
    server: RpcServer, log: SessionLog, profiles: Profiles, live: Live, turns: Turns
) -> None:
    """Answer all requests to chat."""
    questions = ChatRpc(log)
    tell = turns.stop.tell_holder
    await asyncio.gather(
        server.serve(chat.PostMessage, turns.post.__call__),
        server.serve(chat.RetryTurn, turns.retry.__call__),
        server.serve(chat.RegenerateTurn, turns.regenerate.__call__),
        server.serve(chat.EditMessage, turns.edit.__call__),
        server.serve(chat.StopTurn, turns.stop.__call__),
        server.serve(chat.SignalTyping, lambda command: signal_typing(command, log, live)),
        server.serve(chat.StartSession, lambda command: start_session(command, log, profiles)),
        server.serve(chat.ReadMessages, lambda command: read_messages(command, log)),
        server.serve(chat.RenameSession, lambda command: rename_session(command, log)),
        server.serve(chat.DeleteSession, lambda command: delete_session(command, log, tell)),
        server.serve(chat.GetAnswer, lambda question: get_answer(question, log)),
        server.serve(chat.GetSession, questions.get_session),
        server.serve(chat.ListSessions, questions.list_sessions),
        server.serve(chat.WalkSessions, questions.walk_sessions),
        server.serve(chat.ListMessages, questions.list_messages),
        server.serve(chat.GetHistory, questions.get_history),
    )
