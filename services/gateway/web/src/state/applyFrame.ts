/** What a frame of the feed does to everything this tab knows. */
import type { InfiniteData, Query, QueryClient, QueryKey } from '@tanstack/react-query';
import type { Agent, Frame, Session } from '@/api/types';
import { keys } from './keys';
import { endTurn, forgetLive, hear, setTyping } from './liveStore';
import { keepHelp } from './local';
import { foldSession } from './sessions';
import { foldThread, type Thread } from './thread';

export interface SessionPage {
  readonly count: number;
  readonly results: readonly Session[];
}
export type SessionPages = InfiniteData<SessionPage, number>;

/** Fold a frame into the cache; whatever it makes unsure is asked for again. */
export function applyFrame(cache: QueryClient, frame: Frame): void {
  switch (frame.event) {
    case 'ready':
    case 'reset':
      return;
    case 'delta':
      hear(frame.data.session_id, frame.data);
      return;
    case 'typing':
      setTyping(frame.data.session_id, frame.data.who, true);
      return;
    case 'agent_created':
    case 'agent_changed':
    case 'agent_deleted':
      foldAgent(cache, frame);
      return;
    case 'personality_changed':
      again(cache, keys.agents);
      again(cache, keys.ledger(frame.data.agent_id ?? ''));
      again(cache, ['suggestion']);
      return;
    case 'personality_suggested':
    case 'personality_suggestion_closed':
      again(cache, ['suggestion']);
      return;
    case 'memory_recorded':
    case 'memory_changed':
    case 'memory_forgotten':
      again(cache, keys.memories(frame.data.agent_id ?? ''));
      return;
    case 'summary_written':
    case 'summary_withdrawn':
      // Its title counts only where the user chose none: who knows is asked.
      again(cache, keys.allSessions);
      again(cache, keys.session(frame.data.session_id ?? ''));
      return;
    case 'session_started':
      startSession(cache, frame.data.session);
      return;
    case 'session_deleted':
      forgetSession(cache, frame.data.session_id ?? '');
      return;
    case 'message_flagged':
      if (frame.data.text) {
        keepHelp(frame.data.critical_type, { text: frame.data.text, links: frame.data.links });
      }
      foldIntoSession(cache, frame);
      return;
    default:
      foldIntoSession(cache, frame);
  }
}

/** After frames that were missed: ask for everything again. */
export function catchUp(cache: QueryClient): void {
  forgetLive();
  again(cache, []);
}

function foldIntoSession(cache: QueryClient, frame: Frame): void {
  const id = 'session_id' in frame.data ? (frame.data.session_id ?? '') : '';
  update<Thread>(cache, keys.thread(id), (thread) => foldThread(thread, frame));
  changeSession(cache, id, (session) => foldSession(session, frame));
  // It rises to the head of the list, from wherever it is.
  if (isActivity(frame) && !isListed(cache, id)) again(cache, keys.sessions(''));
  if (frame.event === 'message_posted') setTyping(id, 'user', false);
  if (frame.event === 'message_sent') {
    setTyping(id, 'agent', false);
    if (frame.data.message.is_agent_growth) again(cache, keys.decisions(id));
  }
  if (
    frame.event === 'turn_completed' ||
    frame.event === 'turn_failed' ||
    frame.event === 'turn_stopped'
  ) {
    endTurn(id, frame.data.turn_id);
  }
}

/** Whether a list by activity has another order after it: agents that write first change none. */
function isActivity(frame: Frame): boolean {
  return (
    frame.event === 'message_posted' ||
    (frame.event === 'message_sent' && !frame.data.message.is_agent_growth)
  );
}

function isListed(cache: QueryClient, id: string): boolean {
  const list = cache.getQueryData<SessionPages>(keys.sessions(''));
  return list?.pages.some((page) => page.results.some((session) => session.id === id)) ?? false;
}

/** Change a session wherever it is held. */
export function changeSession(
  cache: QueryClient,
  id: string,
  change: (session: Session) => Session,
): void {
  update<Session>(cache, keys.session(id), change);
  changeListed(cache, (session) => (session.id === id ? change(session) : session));
}

function changeListed(cache: QueryClient, change: (session: Session) => Session): void {
  for (const [key] of cache.getQueriesData<SessionPages>({ queryKey: keys.allSessions })) {
    update<SessionPages>(cache, key, (list) => ({
      ...list,
      pages: list.pages.map((page) => ({ ...page, results: page.results.map(change) })),
    }));
  }
}

/** A session that began: at the head of the list, once. */
export function startSession(cache: QueryClient, session: Session): void {
  update<SessionPages>(cache, keys.sessions(''), (list) => {
    const [first, ...rest] = list.pages;
    if (first === undefined) return list;
    if (isListed(cache, session.id)) return list;
    return { ...list, pages: [{ ...first, results: [session, ...first.results] }, ...rest] };
  });
}

function forgetSession(cache: QueryClient, id: string): void {
  for (const [key] of cache.getQueriesData<SessionPages>({ queryKey: keys.allSessions })) {
    update<SessionPages>(cache, key, (list) => ({
      ...list,
      pages: list.pages.map((page) => ({
        ...page,
        results: page.results.filter((session) => session.id !== id),
      })),
    }));
  }
  cache.removeQueries({ queryKey: keys.thread(id) });
  again(cache, keys.session(id));
}

function foldAgent(
  cache: QueryClient,
  frame: Extract<Frame, { event: 'agent_created' | 'agent_changed' | 'agent_deleted' }>,
): void {
  if (frame.event !== 'agent_created') {
    update<readonly Agent[]>(cache, keys.agents, (agents) =>
      frame.event === 'agent_deleted'
        ? agents.filter((agent) => agent.id !== frame.data.agent_id)
        : agents,
    );
  }
  if (frame.event === 'agent_changed') nameAgent(cache, frame.data.agent);
  again(cache, keys.agents);
}

/** Sessions carry their agent's name. */
function nameAgent(cache: QueryClient, { id, name }: Pick<Agent, 'id' | 'name'>): void {
  const named = (session: Session) =>
    session.agent_configuration === id ? { ...session, agent_name: name } : session;
  changeListed(cache, named);
  for (const [key] of cache.getQueriesData<Session>({ queryKey: keys.eachSession })) {
    update<Session>(cache, key, named);
  }
}

/**
 * Change what is held under a key. An answer that is on its way may be older than the change: it
 * is asked for again. So is what was old already: the library takes the change for an answer.
 */
function update<T>(cache: QueryClient, key: QueryKey, change: (value: T) => T): void {
  const state = cache.getQueryState<T>(key);
  if (state === undefined) return;
  const isUnsure = state.fetchStatus === 'fetching' || state.isInvalidated;
  if (state.data !== undefined) cache.setQueryData<T>(key, change(state.data));
  if (isUnsure) again(cache, key);
}

/** Queries whose first answer is on its way, and is too old already. */
const early = new WeakSet<Query>();

/**
 * Ask again for whatever is held under a key, or below it. The library takes a first answer that
 * is on its way for the new one, so that is waited for, shown, and asked for once more.
 */
export function again(cache: QueryClient, queryKey: QueryKey): void {
  for (const query of cache.getQueryCache().findAll({ queryKey })) {
    const { data, fetchStatus } = query.state;
    if (data !== undefined || fetchStatus === 'idle' || early.has(query)) continue;
    early.add(query);
    const settled = () => {
      early.delete(query);
      void cache.invalidateQueries({ queryKey: query.queryKey, exact: true });
    };
    query.promise?.then(settled, settled);
  }
  void cache.invalidateQueries({ queryKey });
}
