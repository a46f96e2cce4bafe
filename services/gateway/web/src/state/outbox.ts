/**
 * Messages on their way: sent under a key, again when the connection is back, until they are told.
 *
 * Kept in the browser's storage, so a reload loses none; the key makes a repeat harmless.
 */
import { newKey } from '@/api/key';
import { asProblem } from '@/api/problem';
import { say } from '@/api/say';
import type { Message } from '@/api/types';
import { noteLimit } from './connection';
import { createStore, useStore } from './store';

export interface Outgoing {
  readonly key: string;
  readonly sessionId: string;
  readonly text: string;
  /** The newest seq when it was sent: its message has a higher one. */
  readonly afterSeq: number;
  readonly status: 'sending' | 'waiting' | 'refused';
  readonly messageId?: string;
  readonly refusal?: string;
}

const STORAGE_KEY = 'lingxi.outbox';
const NOTHING: readonly Outgoing[] = [];
const bySession = new Map<string, { all: readonly Outgoing[]; own: readonly Outgoing[] }>();
const store = createStore<readonly Outgoing[]>(stored());
store.subscribe(() => localStorage.setItem(STORAGE_KEY, JSON.stringify(store.get())));

function stored(): readonly Outgoing[] {
  try {
    const kept = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? '[]') as Outgoing[];
    return kept.map((one) => (one.status === 'sending' ? { ...one, status: 'waiting' } : one));
  } catch {
    return NOTHING;
  }
}

/** Send a message. It is shown at once, and told by the feed when it is recorded. */
export function send(sessionId: string, text: string, afterSeq: number): void {
  const one: Outgoing = { key: newKey(), sessionId, text, afterSeq, status: 'sending' };
  store.set((all) => [...all, one]);
  void flushOutbox();
}

/** Try one again, under its old key. */
export function resend(one: Outgoing): void {
  patch(one.key, { status: 'sending', refusal: undefined });
  void flushOutbox();
}

/** Give one up. */
export function discard(key: string): void {
  store.set((all) => all.filter((one) => one.key !== key));
}

let flushing = false;

/** Send what is not accepted yet, one after another: nothing overtakes what was said before it. */
export async function flushOutbox(): Promise<void> {
  if (flushing) return;
  flushing = true;
  for (let next = store.get().find(isDue); next; next = store.get().find(isDue)) {
    patch(next.key, { status: 'sending' });
    if (!(await deliver(next))) {
      store.set((all) => all.map((one) => (isDue(one) ? { ...one, status: 'waiting' } : one)));
      break;
    }
  }
  flushing = false;
}

function isDue(one: Outgoing): boolean {
  return one.messageId === undefined && one.status !== 'refused';
}

/** Forget everything: another user comes. */
export function clearOutbox(): void {
  store.set(() => NOTHING);
}

/** Whether the next one may follow: not while this one waits. */
async function deliver(one: Outgoing): Promise<boolean> {
  try {
    const accepted = await say(one.sessionId, one.text, one.key);
    patch(one.key, { messageId: accepted.user_message_id });
    return true;
  } catch (error) {
    const problem = asProblem(error);
    if (problem.status === 429) noteLimit(problem.retryAfterSeconds);
    if (problem.isPassing) {
      // A broken connection is noticed by the feed, which flushes; a limit passes by itself.
      const seconds = problem.retryAfterSeconds || 3;
      window.setTimeout(() => void flushOutbox(), seconds * 1000);
      return false;
    }
    patch(one.key, { status: 'refused', refusal: problem.message });
    return true;
  }
}

function patch(key: string, changes: Partial<Outgoing>): void {
  store.set((all) => all.map((one) => (one.key === key ? { ...one, ...changes } : one)));
}

/** What of these is not among the messages yet. */
export function notTold(
  outgoing: readonly Outgoing[],
  messages: readonly Message[],
): readonly Outgoing[] {
  const free = messages.filter((message) => message.is_user);
  return outgoing.filter((one) => {
    const at = free.findIndex((message) =>
      one.messageId === undefined
        ? message.seq > one.afterSeq && message.message === one.text
        : message.id === one.messageId,
    );
    if (at < 0) return true;
    free.splice(at, 1);
    return false;
  });
}

/** Forget what has been told. */
export function settle(told: readonly Outgoing[]): void {
  const keys = new Set(told.map((one) => one.key));
  store.set((all) =>
    all.some((one) => keys.has(one.key)) ? all.filter((one) => !keys.has(one.key)) : all,
  );
}

/** A session's messages on their way. */
export function useOutbox(sessionId: string): readonly Outgoing[] {
  return useStore(store, (all) => {
    const known = bySession.get(sessionId);
    if (known?.all === all) return known.own;
    const own = all.filter((one) => one.sessionId === sessionId);
    const same = own.length === 0 ? NOTHING : own;
    bySession.set(sessionId, { all, own: same });
    return same;
  });
}
