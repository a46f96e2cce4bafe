/**
 * Messages on their way: sent under a key, again when the connection is back, until they are told.
 *
 * Kept in the browser's storage, each under its user and key: a reload loses none, tabs don't write
 * over one another's, and who logs in next sends only their own. The key makes a repeat harmless.
 */
import { newKey } from '@/api/key';
import { locked } from '@/api/locks';
import { asProblem } from '@/api/problem';
import { say } from '@/api/say';
import { currentUser, onTokensChanged } from '@/api/tokens';
import { noteLimit } from './connection';
import { isDue, type Outgoing } from './outgoing';
import { createStore, useStore } from './store';

const PREFIX = 'lingxi.outbox.';
const NOTHING: readonly Outgoing[] = [];
const bySession = new Map<string, { all: readonly Outgoing[]; own: readonly Outgoing[] }>();
/** The current user's; storage is the truth, and all tabs follow it. */
const store = createStore<readonly Outgoing[]>(stored(currentUser()));
const reread = () => store.set(() => stored(currentUser()));
onTokensChanged(reread);
addEventListener('storage', (event) => {
  if (event.key === null || event.key.startsWith(PREFIX)) reread();
});

function keyOf(one: Outgoing): string {
  return `${PREFIX}${one.user}.${one.key}`;
}

function read(key: string): Outgoing | null {
  return JSON.parse(localStorage.getItem(key) ?? 'null') as Outgoing | null;
}

function stored(user: string | null): readonly Outgoing[] {
  const own = Object.keys(localStorage).filter((key) => key.startsWith(`${PREFIX}${user}.`));
  const kept = own.map(read).filter((one) => one !== null);
  return kept.sort((one, other) => one.at - other.at);
}

function keep(one: Outgoing): void {
  localStorage.setItem(keyOf(one), JSON.stringify(one));
  reread();
}

/** Send a message. It is shown at once, and told by the feed when it is recorded. */
export function send(sessionId: string, text: string, afterSeq: number): void {
  const user = currentUser();
  if (user === null) throw new Error('nobody is logged in');
  keep({ user, key: newKey(), at: Date.now(), sessionId, text, afterSeq, status: 'sending' });
  void flushOutbox();
}

/** Try one again, under its old key. */
export function resend(one: Outgoing): void {
  patch(one, { status: 'sending', refusal: undefined });
  void flushOutbox();
}

/** Give one up. */
export function discard(one: Outgoing): void {
  localStorage.removeItem(keyOf(one));
  reread();
}

const flushing = new Set<string>();

/** Send what is not accepted yet, one after another: nothing overtakes what was said before it. */
export async function flushOutbox(): Promise<void> {
  const user = currentUser();
  if (user === null || flushing.has(user)) return;
  flushing.add(user);
  await locked(`${PREFIX}${user}`, () => flush(user)).finally(() => flushing.delete(user));
}

async function flush(user: string): Promise<void> {
  const due = () => stored(user).filter(isDue);
  for (let [next] = due(); next; [next] = due()) {
    patch(next, { status: 'sending' });
    if (await deliver(next)) continue;
    for (const one of due()) patch(one, { status: 'waiting' });
    return;
  }
}

/** Forget all of the user's: their account is gone. */
export function clearOutbox(user: string): void {
  for (const one of stored(user)) localStorage.removeItem(keyOf(one));
  reread();
}

/** Whether the next one may follow: not while this one waits. */
async function deliver(one: Outgoing): Promise<boolean> {
  try {
    const accepted = await say(one.user, one.sessionId, one.text, one.key);
    patch(one, { messageId: accepted.user_message_id });
    return true;
  } catch (error) {
    const problem = asProblem(error);
    if (problem.status === 401) return false; // until its user is back
    if (problem.status === 429) noteLimit(problem.retryAfterSeconds);
    if (problem.isPassing) {
      // A broken connection is noticed by the feed, which flushes; a limit passes by itself.
      const seconds = problem.retryAfterSeconds || 3;
      window.setTimeout(() => void flushOutbox(), seconds * 1000);
      return false;
    }
    patch(one, { status: 'refused', refusal: problem.message });
    return true;
  }
}

/** Change one as it is now; whatever tab forgot it meanwhile, it stays forgotten. */
function patch(one: Outgoing, changes: Partial<Outgoing>): void {
  const now = read(keyOf(one));
  if (now !== null) keep({ ...now, ...changes });
}

/** Forget what is settled. */
export function forget(settled: readonly Outgoing[]): void {
  for (const one of settled) localStorage.removeItem(keyOf(one));
  reread();
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
