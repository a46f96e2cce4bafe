/** How the line to the server is: for the quiet line at the top, and whoever waits for it. */
import type { FeedState } from '@/api/feed';
import { createStore, useStore } from './store';

interface Connection {
  readonly feed: FeedState;
  /** Until when (ms since 1970) the server refuses more messages; 0: it doesn't. */
  readonly limitedUntil: number;
}

const store = createStore<Connection>({ feed: 'connecting', limitedUntil: 0 });

export function noteFeed(feed: FeedState): void {
  store.set((now) => (now.feed === feed ? now : { ...now, feed }));
}

/** The server asked to wait. */
export function noteLimit(seconds: number): void {
  const limitedUntil = Date.now() + Math.max(1, seconds) * 1000;
  store.set((now) => ({ ...now, limitedUntil }));
  window.setTimeout(
    () => store.set((now) => (now.limitedUntil > Date.now() ? now : { ...now, limitedUntil: 0 })),
    limitedUntil - Date.now() + 50,
  );
}

export function useConnection(): Connection {
  return useStore(store, (now) => now);
}
