/** Messages on their way, and what of them is told. Pure. */
import type { Message } from '@/api/types';

export interface Outgoing {
  readonly user: string;
  readonly key: string;
  /** When it was sent, in ms since 1970: what was said before it goes before it. */
  readonly at: number;
  readonly sessionId: string;
  readonly text: string;
  /** The newest seq when it was sent: its message has a higher one. */
  readonly afterSeq: number;
  readonly status: 'sending' | 'waiting' | 'refused';
  readonly messageId?: string;
  readonly refusal?: string;
}

/** Whether it has to be sent still. */
export function isDue(one: Outgoing): boolean {
  return one.messageId === undefined && one.status !== 'refused';
}

/**
 * What of these is not among the messages yet. The feed may tell a message before it is answered
 * that it was accepted: until then it goes by its words.
 */
export function notTold(
  outgoing: readonly Outgoing[],
  messages: readonly Message[],
): readonly Outgoing[] {
  const accepted = new Set(outgoing.map((one) => one.messageId));
  const ids = new Set(messages.map((message) => message.id));
  const first = messages[0]?.seq ?? 0;
  const free = messages.filter((message) => message.is_user && !accepted.has(message.id));
  return outgoing.filter((one) => {
    if (one.status === 'refused') return true;
    // Where so much was said since that it isn't loaded, it stands further up.
    if (one.messageId !== undefined) return !ids.has(one.messageId) && one.afterSeq + 1 >= first;
    const at = free.findIndex(
      (message) => message.seq > one.afterSeq && message.message === one.text,
    );
    if (at < 0) return true;
    free.splice(at, 1);
    return false;
  });
}

/**
 * What of these may be forgotten: accepted, and told. Not while the same words wait once more: they
 * would be taken for its message.
 */
export function settled(
  outgoing: readonly Outgoing[],
  messages: readonly Message[],
): readonly Outgoing[] {
  const unsent = notTold(outgoing, messages);
  const waiting = new Set(outgoing.filter(isDue).map((one) => one.text));
  return outgoing.filter(
    (one) => one.messageId !== undefined && !unsent.includes(one) && !waiting.has(one.text),
  );
}
