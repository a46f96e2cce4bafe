import { QueryClient } from '@tanstack/react-query';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Frame } from '@/api/types';
import { applyFrame, catchUp } from './applyFrame';
import { endTurn, hear, liveOf } from './liveStore';

/** Pieces are shown at the next microtask, as in a hidden tab. */
vi.stubGlobal('document', { hidden: true });
vi.stubGlobal('window', globalThis);

const heard = async (turn: string, text: string) => {
  hear('s', { turn_id: turn, attempt: 1, bubble: 0, offset_chars: 0, text });
  await Promise.resolve();
  return liveOf('s').turn?.bubbles;
};

describe('liveStore', () => {
  beforeEach(() => catchUp(new QueryClient()));

  it('forgets a turn with its end, and what comes of it afterwards', async () => {
    expect(await heard('t1', 'one')).toEqual(['one']);
    endTurn('s', 't1');
    expect(liveOf('s').turn).toBe(null);
    expect(await heard('t1', 'one')).toBe(undefined);
  });

  it('lets a turn speak that began before the end of the one before it was told', async () => {
    await heard('t2', 'two');
    expect(await heard('t3', 'three')).toEqual(['three']);
    endTurn('s', 't2');
    expect(liveOf('s').turn?.bubbles).toEqual(['three']);
  });

  it('drops pieces that wait to be shown when their turn ends', async () => {
    const shown = heard('t4', 'four');
    endTurn('s', 't4');
    expect(await shown).toBe(undefined);
  });

  it('keeps nothing when frames were missed', async () => {
    await heard('t5', 'five');
    catchUp(new QueryClient());
    expect(liveOf('s').turn).toBe(null);
  });

  it('says that somebody types for a few seconds, whatever the clocks say', () => {
    vi.useFakeTimers();
    const told = (event: string, data: object) =>
      applyFrame(new QueryClient(), { event, data: { session_id: 's', ...data } } as Frame);
    const types = () => liveOf('s').typing.user > 0;
    const until = new Date(Date.now() + 600_000).toISOString();
    told('typing', { who: 'user', until });
    vi.advanceTimersByTime(3_000);
    told('typing', { who: 'user', until });
    vi.advanceTimersByTime(5_000);
    expect(types()).toBe(true);
    vi.setSystemTime(Date.now() - 600_000);
    vi.advanceTimersByTime(1_000);
    expect(types()).toBe(false);
    told('typing', { who: 'user', until });
    told('message_posted', { message: {} });
    expect(types()).toBe(false);
    vi.useRealTimers();
  });
});
