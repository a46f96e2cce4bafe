import { QueryClient } from '@tanstack/react-query';
import { describe, expect, it } from 'vitest';
import type { Frame, Session } from '@/api/types';
import { applyFrame, type SessionPages } from './applyFrame';
import { keys } from './keys';

const session = (id: string, agent: string) =>
  ({ id, agent_configuration: agent, agent_name: 'Ann', title: '' }) as Session;

const frame = (event: string, data: object) =>
  ({ event, data: { at: '2026-11-22T12:00:00Z', ...data } }) as unknown as Frame;

/** A list of sessions with two agents, and beside it a session of the first. */
function held(): QueryClient {
  const cache = new QueryClient();
  const results = [session('s1', 'a1'), session('s2', 'a2')];
  const list: SessionPages = { pages: [{ count: 3, results }], pageParams: [1] };
  cache.setQueryData(keys.sessions(''), list);
  cache.setQueryData(keys.session('s3'), session('s3', 'a1'));
  return cache;
}

const listed = (cache: QueryClient) =>
  cache.getQueryData<SessionPages>(keys.sessions(''))?.pages.flatMap((page) => page.results) ?? [];

describe('applyFrame', () => {
  it('names an agent anew wherever it speaks', () => {
    const cache = held();
    applyFrame(cache, frame('agent_changed', { agent: { id: 'a1', name: 'Anna' } }));
    expect(listed(cache).map((one) => one.agent_name)).toEqual(['Anna', 'Ann']);
    expect(cache.getQueryData<Session>(keys.session('s3'))?.agent_name).toBe('Anna');
  });

  it('asks for the list when a session rises that is not among what is loaded', () => {
    const rises = (sessionId: string, more: object) => {
      const cache = held();
      const message = { id: 'm1', seq: 1, is_user: true, is_agent_growth: false, ...more };
      const event = message.is_user ? 'message_posted' : 'message_sent';
      applyFrame(cache, frame(event, { session_id: sessionId, message }));
      return cache.getQueryState(keys.sessions(''))?.isInvalidated;
    };
    expect(rises('s1', {})).toBe(false);
    expect(rises('s3', {})).toBe(true);
    expect(rises('s3', { is_user: false })).toBe(true);
    expect(rises('s3', { is_user: false, is_agent_growth: true })).toBe(false);
  });

  it('leaves old what was old already', async () => {
    const cache = held();
    await cache.invalidateQueries({ queryKey: keys.sessions('') });
    applyFrame(cache, frame('session_renamed', { session_id: 's1', title: 'Tea' }));
    expect(listed(cache)[0]?.title).toBe('Tea');
    expect(cache.getQueryState(keys.sessions(''))?.isInvalidated).toBe(true);
  });
});
