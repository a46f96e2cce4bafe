import { describe, expect, it } from 'vitest';
import type { Frame, Message } from '@/api/types';
import { EMPTY_THREAD, foldThread, type Thread } from './thread';

function message(seq: number, more: Partial<Message> = {}): Message {
  return {
    id: `m${seq}`,
    seq,
    chat_date: '2026-11-22T12:00:00Z',
    message: `text ${seq}`,
    is_user: seq % 2 === 1,
    is_agent: seq % 2 === 0,
    is_agent_growth: false,
    is_read: false,
    metadata: {},
    critical: false,
    critical_type: null,
    ...more,
  };
}

function frame(event: string, data: object): Frame {
  return {
    event,
    data: { event_id: 'e', at: '2026-11-22T12:00:00Z', ...data },
  } as unknown as Frame;
}

const frames: readonly Frame[] = [
  frame('message_posted', { message: message(1) }),
  frame('turn_started', { turn_id: 't1' }),
  frame('message_sent', { message: message(2, { turn_id: 't1' }) }),
  frame('turn_completed', { turn_id: 't1' }),
  frame('messages_read', { up_to_seq: 2, unread_count: 0 }),
  frame('messages_superseded', { message_ids: ['m2'], by_turn_id: 't2' }),
  frame('message_sent', { message: message(4, { turn_id: 't2' }) }),
];

const folded = (thread: Thread, told: readonly Frame[]) => told.reduce(foldThread, thread);

describe('foldThread', () => {
  it('tells a whole exchange', () => {
    const { messages } = folded(EMPTY_THREAD, frames);
    expect(messages.map(({ id }) => id)).toEqual(['m1', 'm2', 'm4']);
    expect(messages[0]?.is_read).toBe(true);
    expect(messages[1]).toMatchObject({ is_read: true, superseded_by: 't2' });
  });

  it('does not mind repeats', () => {
    const once = folded(EMPTY_THREAD, frames);
    expect(folded(once, frames)).toEqual(once);
  });

  it('keeps order whatever comes first', () => {
    const late = foldThread({ messages: [message(3)], hasOlder: true }, frames[0] as Frame);
    expect(late.messages.map(({ seq }) => seq)).toEqual([1, 3]);
  });

  it('flags a message', () => {
    const told = frame('message_flagged', {
      message_id: 'm1',
      critical_type: 'self_harm',
      text: 'Call someone',
      links: [],
    });
    const { messages } = foldThread({ messages: [message(1)], hasOlder: false }, told);
    expect(messages[0]).toMatchObject({ critical: true, critical_type: 'self_harm' });
  });

  it('leaves the thread alone for what does not concern it', () => {
    const thread: Thread = { messages: [message(1)], hasOlder: false };
    expect(foldThread(thread, frame('session_renamed', { title: 'x' }))).toBe(thread);
  });
});
