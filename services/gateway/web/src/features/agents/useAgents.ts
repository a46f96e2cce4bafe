import { useQuery } from '@tanstack/react-query';
import { answer, api } from '@/api/client';
import type { Agent } from '@/api/types';
import { keys } from '@/state/keys';

interface Agents {
  /** By name; undefined while they are not known. */
  readonly agents: readonly Agent[] | undefined;
  readonly byId: (id: string) => Agent | undefined;
}

/** The user's agents: the first page of 100, which is all that anybody has. */
export function useAgents(): Agents {
  const { data } = useQuery({
    queryKey: keys.agents,
    queryFn: async ({ signal }) => {
      const page = await answer(api.GET('/api/agents/', { signal }));
      return [...page.results].sort((one, other) => one.name.localeCompare(other.name));
    },
  });
  return { agents: data, byId: (id) => data?.find((agent) => agent.id === id) };
}
