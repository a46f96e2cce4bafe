/** The small pure pieces: each by what it promises. */
import { describe, expect, it } from 'vitest';
import { SseParser } from '@/api/sse';
import type { Message } from '@/api/types';
import { pageOf } from '@/router';
import { diff } from './diff';
import { type Delta, type LiveTurn, withDelta } from './live';
import { HOLD_MS, type Stage, staged } from './rhythm';
import { newestAnswer, standing, versionsOf, withVersion } from './versions';
import { AT_END, edgesOf, ITEMS_FIRST, ITEMS_MAX, spanOf } from './window';

describe('SseParser', () => {
  const text = 'event: delta\ndata: {"a":1}\nid: 7\n\n: keep-alive\n\nevent: x\r\ndata: y\r\n\r\n';

  it('reads events from pieces of any size', () => {
    for (let size = 1; size <= text.length; size++) {
      const parser = new SseParser();
      const events = [];
      for (let at = 0; at < text.length; at += size) {
        events.push(...parser.feed(text.slice(at, at + size)));
      }
      expect(events).toEqual([
        { event: 'delta', data: '{"a":1}', id: '7' },
        { event: 'x', data: 'y' },
      ]);
    }
  });
});

describe('withDelta', () => {
  const piece = (more: Partial<Delta>): Delta => ({
    turn_id: 't',
    attempt: 1,
    bubble: 0,
    offset_chars: 0,
    text: '',
    ...more,
  });
  const heard = (pieces: readonly Delta[]) => pieces.reduce<LiveTurn | null>(withDelta, null);

  it('counts code points, and does not mind repeats', () => {
    const pieces = [
      piece({ text: '你好👋' }),
      piece({ text: ' there', offset_chars: 3 }),
      piece({ text: '你好👋' }),
      piece({ text: 'next', bubble: 1 }),
    ];
    expect(heard(pieces)?.bubbles).toEqual(['你好👋 there', 'next']);
  });

  it('begins anew with a higher attempt and ignores lower ones', () => {
    const pieces = [
      piece({ text: 'first' }),
      piece({ text: 'second', attempt: 2 }),
      piece({ text: 'late', attempt: 1 }),
    ];
    expect(heard(pieces)).toEqual({ turnId: 't', attempt: 2, bubbles: ['second'] });
  });

  it('waits for a lost piece', () => {
    expect(heard([piece({ text: 'a' }), piece({ text: 'z', offset_chars: 9 })])?.bubbles).toEqual([
      'a',
    ]);
  });

  it('shows nothing of a reply whose beginning was not heard', () => {
    expect(heard([piece({ text: 'z', offset_chars: 9 })])).toBe(null);
    expect(heard([piece({ text: 'z', bubble: 2 })])).toBe(null);
    const again = [piece({ text: 'a' }), piece({ text: 'z', offset_chars: 9, attempt: 2 })];
    expect(heard(again)).toBe(null);
  });
});

describe('staged', () => {
  it('shows bubbles no sooner than their delay after the one before', () => {
    const arrivals = [{ delayMs: 0 }, { delayMs: 800 }, { delayMs: null }];
    let stage: Stage | null = null;
    const shown = [0, 799, 800, 800 + HOLD_MS].map((now) => {
      const { stage: next } = staged(stage, 't', arrivals, now);
      stage = next;
      return next.shownAt.length;
    });
    expect(shown).toEqual([1, 1, 2, 3]);
  });
});

describe('versions', () => {
  const said = (seq: number, turn: string | null, by?: string): Message =>
    ({
      id: `m${seq}`,
      seq,
      is_user: turn === null,
      is_agent: turn !== null,
      turn_id: turn,
      superseded_by: by,
    }) as Message;
  const regenerated = [said(1, null), said(2, 't1', 't2'), said(3, 't2', 't3'), said(4, 't3')];

  it('finds the answers that stood there before', () => {
    expect(newestAnswer(standing(regenerated))).toBe('t3');
    expect(versionsOf(regenerated, 't3')).toEqual(['t1', 't2', 't3']);
  });

  it('shows another version in the same place', () => {
    expect(withVersion(regenerated, 't3', 't1').map(({ id }) => id)).toEqual(['m1', 'm2']);
  });

  it('does not take what an edit replaced for a version', () => {
    const edited = [said(1, null, 't2'), said(2, 't1', 't2'), said(3, null), said(4, 't2')];
    expect(versionsOf(edited, 't2')).toEqual(['t2']);
  });
});

describe('diff', () => {
  const parts = (before: string, after: string) =>
    diff(before, after).map(({ kind, text }) => `${kind}:${text}`);

  it('goes by words, and by characters in Chinese', () => {
    expect(parts('a calm friend', 'a bold friend')).toEqual([
      'same:a ',
      'removed:calm',
      'added:bold',
      'same: friend',
    ]);
    expect(parts('安静的朋友', '开朗的朋友')).toEqual([
      'removed:安静',
      'added:开朗',
      'same:的朋友',
    ]);
  });

  it('keeps a change of several words together', () => {
    expect(parts('ask one gentle question.', 'tell me stories.')).toEqual([
      'removed:ask one gentle question',
      'added:tell me stories',
      'same:.',
    ]);
  });

  it('loses nothing', () => {
    const [before, after] = ['One two\nthree.', 'One, two four\nthree!'];
    const side = (kind: string) =>
      diff(before, after)
        .filter((part) => part.kind === 'same' || part.kind === kind)
        .map(({ text }) => text)
        .join('');
    expect(side('removed')).toBe(before);
    expect(side('added')).toBe(after);
  });
});

describe('window', () => {
  const keys = Array.from({ length: 1000 }, (_, at) => `k${at}`);

  it('shows the end at first, and never too much', () => {
    expect(spanOf(AT_END, keys)).toEqual({ start: 1000 - ITEMS_FIRST, end: 1000 });
    const far = edgesOf({ start: 0, end: 1000 }, keys, 'start');
    expect(spanOf(far, keys)).toEqual({ start: 0, end: ITEMS_MAX });
  });

  it('stays where it is when items come before and after it', () => {
    const edges = edgesOf({ start: 100, end: 200 }, keys, 'start');
    const more = ['older', ...keys, 'newer'];
    expect(spanOf(edges, more)).toEqual({ start: 101, end: 201 });
  });
});

describe('pageOf', () => {
  it('knows the pages', () => {
    expect(pageOf('/c/1', '?m=2')).toEqual({ page: 'chat', sessionId: '1', messageId: '2' });
    expect(pageOf('/agents/7', '')).toEqual({ page: 'agent', agentId: '7' });
    expect(pageOf('/nonsense', '')).toEqual({ page: 'home' });
  });
});
