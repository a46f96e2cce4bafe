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
});
