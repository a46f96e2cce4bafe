import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useRef } from 'react';
import { answer, api } from '@/api/client';
import type { Message } from '@/api/types';
import { keys } from '@/state/keys';
import { EMPTY_THREAD, merged, type Thread, withOlder } from '@/state/thread';

/** Of the newest messages, this many come first; older ones on scrolling. */
const FIRST_PAGE = 60;
const OLDER_PAGE = 100;

/** A conversation's messages, and a way to get older ones. */
export function useThread(sessionId: string) {
  const cache = useQueryClient();
  const loading = useRef<Promise<void> | null>(null);
  const key = keys.thread(sessionId);
  const query = useQuery({
    queryKey: key,
    queryFn: async ({ signal }): Promise<Thread> => {
      const page = await messages(sessionId, { limit: FIRST_PAGE }, signal);
      return refreshed(cache.getQueryData<Thread>(key), page);
    },
  });

  const loadOlder = useCallback((): Promise<void> => {
    const threadKey = keys.thread(sessionId);
    const load = async () => {
      const before = cache.getQueryData<Thread>(threadKey)?.messages[0]?.seq;
      if (before === undefined) return;
      const page = await cache.fetchQuery({
        queryKey: ['older', sessionId, before], // a query, as it is tried again like all others
        queryFn: ({ signal }) => messages(sessionId, { limit: OLDER_PAGE, before }, signal),
        gcTime: 0,
      });
      cache.setQueryData<Thread>(
        threadKey,
        (thread) => thread && withOlder(thread, page.results, page.previous !== null),
      );
    };
    loading.current ??= load()
      .catch(() => undefined) // the next scroll tries again
      .finally(() => {
        loading.current = null;
      });
    return loading.current;
  }, [cache, sessionId]);

  return { thread: query.data ?? EMPTY_THREAD, query, loadOlder };
}

interface Page {
  readonly results: readonly Message[];
  readonly previous: string | null;
}

/** A page of messages with the replaced ones among them: they are versions to look at. */
function messages(
  sessionId: string,
  query: { limit: number; before?: number },
  signal: AbortSignal,
): Promise<Page> {
  const params = { path: { session_id: sessionId }, query: { ...query, superseded: true } };
  return answer(api.GET('/api/sessions/{session_id}/messages/', { params, signal }));
}

/** The newest page, and before it what was loaded, if nothing is missing between the two. */
function refreshed(known: Thread | undefined, page: Page): Thread {
  const fresh: Thread = { messages: page.results, hasOlder: page.previous !== null };
  const first = page.results[0]?.seq;
  const older =
    known?.messages.filter((message) => first === undefined || message.seq < first) ?? [];
  const last = older.at(-1)?.seq;
  if (known === undefined || first === undefined || last !== first - 1) return fresh;
  return { messages: merged(older, page.results), hasOlder: known.hasOlder };
}
