import { QueryClient } from '@tanstack/react-query';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { catchUp } from './applyFrame';
import { endTurn, hear, liveOf } from './liveStore';

/** Pieces are shown at the next microtask, as in a hidden tab. */
vi.stubGlobal('document', { hidden: true });

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
});
