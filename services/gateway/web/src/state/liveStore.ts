/** Who is saying or typing what right now, by session. */
import { type Delta, type LiveTurn, withDelta } from './live';
import { createStore, useStore } from './store';

interface Live {
  readonly turn: LiveTurn | null;
  /** Until when (ms since 1970) the agent, or the user on another device, is typing. */
  readonly typing: { readonly agent: number; readonly user: number };
}

const QUIET: Live = { turn: null, typing: { agent: 0, user: 0 } };
/** Deltas come every few milliseconds: what came is shown once a frame. */
const waiting = new Map<string, Delta[]>();
const store = createStore<ReadonlyMap<string, Live>>(new Map());

function change(sessionId: string, with_: (live: Live) => Live): void {
  store.set((all) => new Map(all).set(sessionId, with_(all.get(sessionId) ?? QUIET)));
}

/** A piece of a reply came. */
export function hear(sessionId: string, delta: Delta): void {
  const pieces = waiting.get(sessionId);
  if (pieces !== undefined) {
    pieces.push(delta);
    return;
  }
  waiting.set(sessionId, [delta]);
  // A hidden tab has no frames; it need not show anything until it is looked at.
  (document.hidden ? queueMicrotask : requestAnimationFrame)(() => {
    const came = waiting.get(sessionId) ?? [];
    waiting.delete(sessionId);
    change(sessionId, (live) => ({
      ...live,
      turn: came.reduce<LiveTurn | null>(withDelta, live.turn),
    }));
  });
}

/** The turn has ended: its messages say all. */
export function endTurn(sessionId: string): void {
  waiting.set(sessionId, []); // pieces that wait for the next frame are of that turn
  waiting.delete(sessionId);
  change(sessionId, () => QUIET);
}

/** The feed tells this page what it told itself: for so long, the user's typing is its own. */
const OWN_TYPING_MS = 10_000;
const typedHere = new Map<string, number>();

/** The user types in this page. */
export function noteTyping(sessionId: string): void {
  typedHere.set(sessionId, Date.now());
}

/** Somebody types until then; null: no longer. */
export function setTyping(sessionId: string, who: 'user' | 'agent', until: string | null): void {
  const own = Date.now() - (typedHere.get(sessionId) ?? 0) < OWN_TYPING_MS;
  if (who === 'user' && own) return;
  const time = until === null ? 0 : Date.parse(until);
  change(sessionId, (live) => ({ ...live, typing: { ...live.typing, [who]: time } }));
  const left = time - Date.now();
  if (left > 0) {
    window.setTimeout(() => change(sessionId, (live) => ({ ...live })), left + 50);
  }
}

/** What a session is saying. */
export function useLive(sessionId: string): Live {
  return useStore(store, (all) => all.get(sessionId) ?? QUIET);
}
