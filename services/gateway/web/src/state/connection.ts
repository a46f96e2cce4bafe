/** How the line to the server is: for the quiet line at the top, and whoever waits for it. */
import type { FeedState } from '@/api/feed';
import { createStore, useStore } from './store';

interface Connection {
  readonly feed: FeedState;
  /** Until when (ms since 1970) the server refuses more messages; 0: it doesn't. */
  readonly limitedUntil: number;
}

export const connection = createStore<Connection>({ feed: 'connecting', limitedUntil: 0 });

export function noteFeed(feed: FeedState): void {
  connection.set((now) => (now.feed === feed ? now : { ...now, feed }));
}

/** The server asked to wait. */
export function noteLimit(seconds: number): void {
  const limitedUntil = Date.now() + Math.max(1, seconds) * 1000;
  connection.set((now) => ({ ...now, limitedUntil }));
  // By the timer, not by the clock, which may be set meanwhile.
  window.setTimeout(
    () =>
      connection.set((now) =>
        now.limitedUntil === limitedUntil ? { ...now, limitedUntil: 0 } : now,
      ),
    limitedUntil - Date.now() + 50,
  );
}

export function useConnection(): Connection {
  return useStore(connection, (now) => now);
}
