import { describe, expect, it } from 'vitest';
import type { Message } from '@/api/types';
import { notTold, type Outgoing, settled } from './outgoing';

const told = (seq: number, text: string) =>
  ({ id: `m${seq}`, seq, message: text, is_user: true }) as Message;

const sent = (key: string, text: string, more: Partial<Outgoing> = {}): Outgoing => ({
  user: 'u',
  key,
  at: 0,
  sessionId: 's',
  text,
  afterSeq: 4,
  status: 'sending',
  ...more,
});

const keysOf = (outgoing: readonly Outgoing[]) => outgoing.map((one) => one.key);

describe('outgoing', () => {
  it('is not shown twice, and not forgotten before it was accepted', () => {
    const messages = [told(5, 'ok')];
    expect(notTold([sent('a', 'ok')], messages)).toEqual([]);
    expect(settled([sent('a', 'ok')], messages)).toEqual([]);
    expect(keysOf(settled([sent('a', 'ok', { messageId: 'm5' })], messages))).toEqual(['a']);
  });

  it('does not take older words for its own', () => {
    expect(keysOf(notTold([sent('a', 'ok')], [told(4, 'ok')]))).toEqual(['a']);
  });

  it('does not take the message of the same words before it for its own', () => {
    const twice = [sent('a', 'ok', { messageId: 'm5' }), sent('b', 'ok')];
    const messages = [told(5, 'ok')];
    expect(keysOf(notTold(twice, messages))).toEqual(['b']);
    expect(settled(twice, messages)).toEqual([]);
    const accepted = [twice[0], sent('b', 'ok', { messageId: 'm6' })] as Outgoing[];
    expect(keysOf(settled(accepted, [...messages, told(6, 'ok')]))).toEqual(['a', 'b']);
  });

  it('is told when it is further up than what is loaded', () => {
    const accepted = [sent('a', 'ok', { messageId: 'mine' })];
    expect(keysOf(notTold(accepted, [told(4, 'before')]))).toEqual(['a']);
    expect(keysOf(notTold(accepted, [told(5, 'another')]))).toEqual(['a']);
    expect(keysOf(settled(accepted, [told(66, 'later')]))).toEqual(['a']);
  });

  it('is shown while it is refused, whatever else was said', () => {
    expect(keysOf(notTold([sent('a', 'ok', { status: 'refused' })], [told(5, 'ok')]))).toEqual([
      'a',
    ]);
  });
});
