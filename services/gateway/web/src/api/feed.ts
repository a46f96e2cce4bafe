/** Follows the feed through whatever happens to the connection, from where it was. */
import { authorisedFetch } from './client';
import { type ServerEvent, SseParser } from './sse';
import { readTokens } from './tokens';

/** The server says something every 15 s: silence of this length is a dead connection. */
const SILENCE_MS_MAX = 40_000;
const PAUSE_MS_MIN = 400;
const PAUSE_MS_MAX = 10_000;

export type FeedState = 'connecting' | 'live' | 'offline' | 'ended';

export interface FeedHandlers {
  /** The newest durable id, to go on behind. */
  readonly cursor: () => string | undefined;
  readonly onEvent: (event: ServerEvent) => void;
  readonly onState: (state: FeedState) => void;
}

/** Follow until `signal`, or until the login has ended. */
export async function followFeed(handlers: FeedHandlers, signal: AbortSignal): Promise<void> {
  let pauseMs = PAUSE_MS_MIN;
  handlers.onState('connecting');
  while (!signal.aborted) {
    const outcome = await connection(handlers, signal);
    if (outcome === 'ended' || signal.aborted) {
      handlers.onState('ended');
      return;
    }
    if (outcome === 'worked') pauseMs = PAUSE_MS_MIN;
    handlers.onState('offline');
    await pause(pauseMs * (0.75 + Math.random() / 2), signal);
    pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX);
  }
}

/** One connection, to its end. */
async function connection(
  handlers: FeedHandlers,
  signal: AbortSignal,
): Promise<'worked' | 'failed' | 'ended'> {
  const silence = new AbortController();
  const drop = () => silence.abort();
  let watchdog = window.setTimeout(drop, SILENCE_MS_MAX);
  // Without a network, an open connection breaks silently: better a new one as soon as it is back.
  window.addEventListener('offline', drop);
  let worked = false;
  try {
    const response = await authorisedFetch(
      new Request('/api/events/', {
        headers: headers(handlers.cursor()),
        signal: AbortSignal.any([signal, silence.signal]),
        cache: 'no-store',
      }),
    );
    if (response.status === 401 && readTokens() === null) return 'ended';
    if (!response.ok || response.body === null) return 'failed';
    const parser = new SseParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return worked ? 'worked' : 'failed';
      clearTimeout(watchdog);
      watchdog = window.setTimeout(drop, SILENCE_MS_MAX);
      for (const event of parser.feed(value)) {
        if (!worked) handlers.onState('live');
        worked = true;
        handlers.onEvent(event);
      }
    }
  } catch {
    return worked ? 'worked' : 'failed';
  } finally {
    clearTimeout(watchdog);
    window.removeEventListener('offline', drop);
  }
}

function headers(cursor: string | undefined): Record<string, string> {
  const accept = { Accept: 'text/event-stream' };
  return cursor === undefined ? accept : { ...accept, 'Last-Event-ID': cursor };
}

/** Waits; shorter when the network comes back, somebody looks, or it is over. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      window.removeEventListener('online', done);
      document.removeEventListener('visibilitychange', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = window.setTimeout(done, ms);
    window.addEventListener('online', done);
    document.addEventListener('visibilitychange', done);
    signal.addEventListener('abort', done);
  });
}
