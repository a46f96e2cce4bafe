import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { answer, api } from '@/api/client';
import { asProblem } from '@/api/problem';
import type { Session } from '@/api/types';
import { keys } from '@/state/keys';
import { byActivity } from '@/state/sessions';
import { useLeaving } from './deletion';

/** The conversations that fit a search, by activity; without those that are about to be deleted. */
export function useSessions(query: string) {
  const leaving = useLeaving();
  const list = useInfiniteQuery({
    queryKey: keys.sessions(query),
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET('/api/sessions/', {
          params: { query: { order: 'activity', page: pageParam, ...(query && { q: query }) } },
          signal,
        }),
      ),
    initialPageParam: 1,
    getNextPageParam: (page, _, number) => (page.next === null ? undefined : number + 1),
    placeholderData: keepPreviousData,
    // What fits a search may be another conversation by now: the feed doesn't say.
    ...(query !== '' && { staleTime: 0 }),
  });
  const sessions = useMemo(
    () =>
      byActivity(list.data?.pages.flatMap((page) => page.results) ?? []).filter(
        (session) => !leaving.has(session.id),
      ),
    [list.data, leaving],
  );
  return { ...list, sessions };
}

/** One conversation: from the list, else asked for. */
export function useSession(id: string) {
  const { sessions, isSuccess, isError } = useSessions('');
  const listed = sessions.find((session) => session.id === id);
  const own = useQuery({
    queryKey: keys.session(id),
    queryFn: async ({ signal }): Promise<Session> => {
      const params = { path: { session_id: id }, query: { mark_read: false } };
      const session = await answer(api.GET('/api/sessions/{session_id}/', { params, signal }));
      return { ...session, messages: [] };
    },
    enabled: (isSuccess || isError) && listed === undefined,
  });
  // Whoever asked again and was told that it is gone still holds what it was.
  const isGone = own.error !== null && asProblem(own.error).status === 404;
  return { session: listed ?? (isGone ? undefined : own.data), isGone, query: own };
}
