"""Who asks chat: every request of `lingxi_contracts.chat`, parsed, passed on, answered."""

import asyncio
from collections.abc import Sequence

from lingxi_chassis.rpc import ANSWER_BYTES_MAX, RpcServer, within_bytes
from lingxi_chat.application.delete_session import delete_session
from lingxi_chat.application.get_answer import get_answer
from lingxi_chat.application.parts import Profiles, SessionLog, load
from lingxi_chat.application.post_message import PostMessages
from lingxi_chat.application.read_messages import read_messages
from lingxi_chat.application.rename_session import rename_session
from lingxi_chat.application.retry_turn import RetryTurns
from lingxi_chat.application.start_session import start_session
from lingxi_chat.projections import messages, sessions
from lingxi_contracts import chat
from lingxi_contracts.errors import SessionNotFound

PAGE_BYTES_MAX = ANSWER_BYTES_MAX - 16 * 1024
"""Of the results in a page; the rest is room for the answer around them."""


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
        results = within_bytes(found, _size, PAGE_BYTES_MAX)
        end = question.offset + len(results)
        return chat.SessionPage(
            count=count, results=tuple(results), next_offset=end if end < count else None
        )

    async def list_messages(self, question: chat.ListMessages) -> chat.MessagePage:
        snapshot = await load(self._log, question.session_id, question.user_id)
        rows = await messages.list_messages(
            self._log.pool, question.session_id, question.before, question.after, question.limit
        )
        views = [messages.message_view(row, snapshot.state) for row in rows]
        return _page(views, snapshot.state.last_seq, newest=question.after is None)

    async def get_history(self, question: chat.GetHistory) -> chat.HistoryPage:
        listed = chat.ListSessions(
            user_id=question.user_id, offset=question.offset, limit=question.limit
        )
        count, found = await sessions.list_sessions(self._log.pool, listed)
        results: list[chat.SessionHistory] = []
        size = 0
        for view in found:
            session = await self._log.load(view.session_id, question.user_id)
            if session is None:
                continue
            rows = await messages.list_messages(
                self._log.pool, view.session_id, None, None, chat.HISTORY_MESSAGES_MAX
            )
            views = [messages.message_view(row, session.state) for row in rows]
            page = _page(views, session.state.last_seq, newest=True)
            history = chat.SessionHistory(session=view, messages=page)
            size += _size(history)
            if size > PAGE_BYTES_MAX and results:
                break
            results.append(history)
        end = question.offset + len(results)
        return chat.HistoryPage(
            results=tuple(results), next_offset=end if end < min(count, question.limit) else None
        )


def _size(view: chat.SessionView | chat.SessionHistory | chat.MessageView) -> int:
    return len(view.model_dump_json().encode())


def _page(views: Sequence[chat.MessageView], last_seq: int, *, newest: bool) -> chat.MessagePage:
    """As many as fit: of the newest the newest, else the first ones."""
    kept = within_bytes(list(reversed(views)) if newest else list(views), _size, PAGE_BYTES_MAX)
    results = tuple(reversed(kept)) if newest else tuple(kept)
    return chat.MessagePage(
        results=results,
        older=bool(results) and results[0].seq > 1,
        newer=bool(results) and results[-1].seq < last_seq,
    )


async def serve(
    server: RpcServer,
    log: SessionLog,
    profiles: Profiles,
    post_message: PostMessages,
    retry_turn: RetryTurns,
) -> None:
    """Answer all requests to chat."""
    questions = ChatRpc(log)
    await asyncio.gather(
        server.serve(chat.PostMessage, post_message.__call__),
        server.serve(chat.RetryTurn, retry_turn.__call__),
        server.serve(chat.StartSession, lambda command: start_session(command, log, profiles)),
        server.serve(chat.ReadMessages, lambda command: read_messages(command, log)),
        server.serve(chat.RenameSession, lambda command: rename_session(command, log)),
        server.serve(chat.DeleteSession, lambda command: delete_session(command, log)),
        server.serve(chat.GetAnswer, lambda question: get_answer(question, log)),
        server.serve(chat.GetSession, questions.get_session),
        server.serve(chat.ListSessions, questions.list_sessions),
        server.serve(chat.ListMessages, questions.list_messages),
        server.serve(chat.GetHistory, questions.get_history),
    )
