/**
 * One feed for all tabs: the tab that holds the lock follows it and passes every event on.
 *
 * Every tab keeps the newest durable id it saw, so whichever takes over goes on behind that one.
 * A tab that is suspended keeps its lock: who is looked at and hears nothing of it takes the lock.
 * Where the browser has no locks (plain http), every tab follows a feed of its own.
 */
import { type FeedState, followFeed } from './feed';
import { standFor } from './lead';
import type { ServerEvent } from './sse';

type Passed =
  | { readonly kind: 'event'; readonly event: ServerEvent }
  /** How things are; `cursor`: everything up to there was passed on. */
  | { readonly kind: 'state'; readonly state: FeedState; readonly cursor?: string | undefined }
  /** A tab asks how things are. */
  | { readonly kind: 'hello' };

/** A tab that is looked at asks this often, … */
const HELLO_MS = 5_000;
/** … and takes the lead after so many questions without an answer. */
const UNANSWERED_MAX = 2;

export interface SharedFeedHandlers {
  readonly onEvent: (event: ServerEvent) => void;
  readonly onState: (state: FeedState) => void;
  /** This tab was not told some of the events. */
  readonly onMissed: () => void;
}

/** Follow the user's feed, alone or through another tab; the answer ends it. */
export function openSharedFeed(user: string, handlers: SharedFeedHandlers): () => void {
  const alone = !('locks' in navigator);
  const name = `lingxi.feed.${user}`;
  const channel = alone ? null : new BroadcastChannel(name);
  const ending = new AbortController();
  let cursor: string | undefined;
  let state: FeedState = 'connecting';
  let unanswered = 0;

  const onEvent = (event: ServerEvent) => {
    cursor = event.id ?? cursor;
    handlers.onEvent(event);
  };
  const onState = (now: FeedState) => {
    state = now;
    handlers.onState(now);
  };
  const tell = (passed: Passed) => channel?.postMessage(passed);
  const tellState = () => tell({ kind: 'state', state, cursor });

  const lead = (signal: AbortSignal) =>
    followFeed(
      {
        cursor: () => cursor,
        onEvent: (event) => {
          tell({ kind: 'event', event });
          onEvent(event);
        },
        onState: (now) => {
          if (signal.aborted) return; // for this tab alone
          onState(now);
          tellState();
        },
      },
      signal,
    );
  const { leads, rob } = standFor(name, lead, ending.signal);

  const hear = (passed: Exclude<Passed, { kind: 'hello' }>) => {
    unanswered = 0;
    if (passed.kind === 'event') {
      onEvent(passed.event);
      return;
    }
    const before = cursor;
    cursor = passed.cursor ?? cursor;
    onState(passed.state);
    if (before !== undefined && before !== cursor) handlers.onMissed();
  };
  if (channel !== null) {
    channel.onmessage = ({ data }: MessageEvent<Passed>) => {
      if (data.kind !== 'hello') {
        if (!leads()) hear(data);
      } else if (leads()) tellState();
    };
    tell({ kind: 'hello' });
  }

  const watch = () => {
    if (leads() || document.hidden) unanswered = 0;
    else if (unanswered < UNANSWERED_MAX) {
      unanswered += 1;
      tell({ kind: 'hello' });
    } else {
      unanswered = 0;
      rob();
    }
  };
  const watching = window.setInterval(watch, HELLO_MS);
  return () => {
    clearInterval(watching);
    ending.abort();
    channel?.close();
  };
}
