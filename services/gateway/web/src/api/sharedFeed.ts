/**
 * One feed for all tabs: the tab that holds the lock follows it and passes every event on.
 *
 * Every tab keeps the newest durable id it saw, so whichever takes over goes on behind that one.
 * Where the browser has no locks (plain http), every tab follows a feed of its own.
 */
import { type FeedState, followFeed } from './feed';
import { locked } from './locks';
import type { ServerEvent } from './sse';

type Passed =
  | { readonly kind: 'event'; readonly event: ServerEvent }
  | { readonly kind: 'state'; readonly state: FeedState }
  /** A new tab asks how things are. */
  | { readonly kind: 'hello' };

export interface SharedFeedHandlers {
  readonly onEvent: (event: ServerEvent) => void;
  readonly onState: (state: FeedState) => void;
}

/** Follow the user's feed, alone or through another tab; the answer ends it. */
export function openSharedFeed(user: string, handlers: SharedFeedHandlers): () => void {
  const alone = !('locks' in navigator);
  const name = `lingxi.feed.${user}`;
  const channel = alone ? null : new BroadcastChannel(name);
  const ending = new AbortController();
  let cursor: string | undefined;
  let leads = false;
  let state: FeedState = 'connecting';

  const onEvent = (event: ServerEvent) => {
    cursor = event.id ?? cursor;
    handlers.onEvent(event);
  };
  const onState = (now: FeedState) => {
    state = now;
    handlers.onState(now);
  };
  const tell = (passed: Passed) => channel?.postMessage(passed);

  if (channel !== null) {
    channel.onmessage = ({ data }: MessageEvent<Passed>) => {
      if (data.kind === 'event') onEvent(data.event);
      else if (data.kind === 'state') onState(data.state);
      else if (leads) tell({ kind: 'state', state });
    };
    tell({ kind: 'hello' });
  }
  const lead = () => {
    leads = true;
    return followFeed(
      {
        cursor: () => cursor,
        onEvent: (event) => {
          tell({ kind: 'event', event });
          onEvent(event);
        },
        onState: (now) => {
          tell({ kind: 'state', state: now });
          onState(now);
        },
      },
      ending.signal,
    );
  };
  locked(name, lead, ending.signal).catch(() => undefined); // ended before its turn came
  return () => {
    ending.abort();
    channel?.close();
  };
}
