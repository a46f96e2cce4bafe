"""The search for messages of the same user and agent that hold the terms of the newest message.

A term that many of the pair's messages hold says little; it is left out, and is not counted to its
end. The others weigh the more the fewer messages hold them. So a search reads at most
`TERMS_ASKED_MAX` * (`COMMON_MESSAGES` + 1) rows of the index, and the texts of what it tells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from lingxi_chassis.postgres import Pool, Row, fetch_all
from lingxi_chat.domain.prompt import Said
from lingxi_chat.domain.recalling import Found, fit_of_terms
from lingxi_chat.projections.recall import INDEXED_CHARS_MAX

TERMS_ASKED_MAX = 32
COMMON_MESSAGES = 200
"""A term in more messages of a pair than this is common."""
COMMON_SHARE = 0.05
"""Or in more than this share of them."""
MESSAGES_MIN = 100
"""A pair that has said less is treated as if it had said so much: all is rare among few."""
FOUND_MAX = 24
RECENT_SESSIONS = 4
"""Of a pair: those that are looked after, whether all of their messages can be found."""


@dataclass(frozen=True, slots=True)
class Search:
    """Whose messages, and which not: those of `session_id` from `window_from` on.

    `without_turn`: what this one said is to be said anew, and not to be found.
    """

    user_id: UUID
    agent_id: UUID
    session_id: UUID
    window_from: int
    without_turn: UUID | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found, best first. `behind`: sessions with messages that can't be found yet;
    `common`: the terms that nothing was found by, for too many messages hold them."""

    found: Sequence[Found]
    behind: Sequence[UUID]
    common: Sequence[int]


_COMMON = f"holding > least({COMMON_MESSAGES}, {COMMON_SHARE} * messages)"


TERMS_SQL = f"""
    with found as materialized (
        select asked.term, m.session_id, m.seq
        from unnest(%(terms)s::bigint[]) as asked (term)
        cross join lateral (
            -- Of a table without statistics the planner would rather read all rows up to a limit.
            with holding as materialized (
                select session_id, seq from message_terms
                where terms @> array[asked.term] and user_id = %(user_id)s
            )
            select session_id, seq from holding limit {COMMON_MESSAGES + 1}
        ) m
    ), size as (
        select greatest(sum(terms_up_to), {MESSAGES_MIN})::float8 as messages
        from recall_progress
        where agent_id = %(agent_id)s and user_id = %(user_id)s
    ), counted as (
        select term, messages, count(*) as holding from found, size group by term, messages
    ), rare as (
        select term, ln(1 + messages / holding) as weight from counted where not {_COMMON}
    ), fitting as (
        select session_id, seq, sum(weight) as weight from found join rare using (term)
        where session_id <> %(session_id)s or seq < %(window_from)s
        group by session_id, seq order by weight desc, session_id desc, seq desc
        limit 4 * {FOUND_MAX}
    ), shown as (
        select m.session_id, m.seq, m.author, left(m.text, {INDEXED_CHARS_MAX}) as text,
               m.sent_at, f.weight, (select sum(weight) from rare) as weight_of_all
        from fitting f join messages m using (session_id, seq)
        where m.superseded_by is null
          and (m.author = 'user' or %(without_turn)s::uuid is null
               or m.turn_id is distinct from %(without_turn)s)
        order by f.weight desc, m.sent_at desc limit {FOUND_MAX}
    ), behind as (
        select array_agg(s.session_id) as sessions from (
            select session_id from sessions
            where user_id = %(user_id)s and agent_id = %(agent_id)s
            order by last_activity_at desc limit {RECENT_SESSIONS}
        ) s left join recall_progress p using (session_id)
        where exists (
            select from messages m
            where m.session_id = s.session_id and m.seq > coalesce(p.terms_up_to, 0)
              and (m.session_id <> %(session_id)s or m.seq < %(window_from)s)
        )
    )
    select behind.sessions, (select array_agg(term) from counted where {_COMMON}), shown.*
    from behind left join shown on true
    order by shown.weight desc, shown.sent_at desc
"""


async def search_terms(pool: Pool, search: Search, terms: Sequence[int]) -> Answer:
    """The messages that hold the most of these fingerprints, of which the first few count."""
    rows = await fetch_all(
        pool, TERMS_SQL, params_of(search) | {"terms": list(terms[:TERMS_ASKED_MAX])}
    )
    found = [found_in(row[2:7], fit_of_terms(*row[7:])) for row in rows if row[2] is not None]
    behind, common = rows[0][:2]
    return Answer(found, behind or (), common or ())


def params_of(search: Search) -> dict[str, object]:
    """The parameters that every search has."""
    return {
        "user_id": search.user_id,
        "agent_id": search.agent_id,
        "session_id": search.session_id,
        "window_from": search.window_from,
        "without_turn": search.without_turn,
    }


def found_in(row: Row, fit: float) -> Found:
    """A row `session_id, seq, author, text, sent_at`."""
    session_id, *said = row
    return Found(session_id, Said(*said), fit)
