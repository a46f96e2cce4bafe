import { type UseQueryResult, useQuery } from '@tanstack/react-query';
import { answer, api } from '@/api/client';
import type { Agent } from '@/api/types';
import { keys } from '@/state/keys';

interface Agents {
  /** By name; undefined while they are not known. */
  readonly agents: readonly Agent[] | undefined;
  readonly byId: (id: string) => Agent | undefined;
  readonly query: UseQueryResult;
}

/** All of the user's agents. */
export function useAgents(): Agents {
  const query = useQuery({
    queryKey: keys.agents,
    queryFn: async ({ signal }) => {
      const all = new Map<string, Agent>();
      for (let page = 1, more = true; more; page++) {
        const params = { query: { page } };
        const { results, next } = await answer(api.GET('/api/agents/', { params, signal }));
        for (const agent of results) all.set(agent.id, agent); // one may move between pages
        more = next !== null;
      }
      return [...all.values()].sort((one, other) => one.name.localeCompare(other.name));
    },
  });
  const { data } = query;
  return { agents: data, byId: (id) => data?.find((agent) => agent.id === id), query };
}
