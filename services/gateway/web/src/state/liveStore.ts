/** Who is saying or typing what right now, by session. */
import { type Delta, type LiveTurn, withDelta } from './live';
import { createStore, useStore } from './store';

interface Live {
  readonly turn: LiveTurn | null;
  /** Until when (ms since 1970) the agent, or the user on another device, is typing; 0: no longer. */
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
    const came = waiting.get(sessionId)?.filter((piece) => !ended.has(piece.turn_id)) ?? [];
    waiting.delete(sessionId);
    change(sessionId, (live) => ({
      ...live,
      turn: came.reduce<LiveTurn | null>(withDelta, live.turn),
    }));
  });
}

/** Pieces may come after their turn's end: so many turns are remembered for that. */
const ENDED_MAX = 64;
const ended = new Set<string>();

/** The turn has ended: its messages say all. The next one may be speaking already. */
export function endTurn(sessionId: string, turnId: string): void {
  ended.add(turnId);
  const [oldest] = ended;
  if (ended.size > ENDED_MAX && oldest !== undefined) ended.delete(oldest);
  change(sessionId, ({ turn, typing }) => ({
    turn: turn?.turnId === turnId ? null : turn,
    typing: { ...typing, agent: 0 },
  }));
}

/** Something was missed: maybe that it ended. */
export function forgetLive(): void {
  waiting.clear();
  store.set(() => new Map());
}

/** The feed tells this page what it told itself: for so long, the user's typing is its own. */
const OWN_TYPING_MS = 10_000;
const typedHere = new Map<string, number>();

/** The user types in this page. */
export function noteTyping(sessionId: string): void {
  typedHere.set(sessionId, Date.now());
}

/** So long somebody types after they were said to, as the server has it; clocks may differ. */
const TYPING_MS = 6_000;

/** Somebody types, or no longer does. */
export function setTyping(sessionId: string, who: 'user' | 'agent', types: boolean): void {
  const own = Date.now() - (typedHere.get(sessionId) ?? 0) < OWN_TYPING_MS;
  if (types && who === 'user' && own) return;
  const until = types ? Date.now() + TYPING_MS : 0;
  const set = (time: number) =>
    change(sessionId, (live) => ({ ...live, typing: { ...live.typing, [who]: time } }));
  set(until);
  if (!types) return;
  window.setTimeout(() => {
    if (liveOf(sessionId).typing[who] === until) set(0);
  }, TYPING_MS);
}

export function liveOf(sessionId: string): Live {
  return store.get().get(sessionId) ?? QUIET;
}

/** What a session is saying. */
export function useLive(sessionId: string): Live {
  return useStore(store, () => liveOf(sessionId));
}
