/** Names of what the query cache holds. */
export const keys = {
  me: ['me'],
  allSessions: ['sessions'],
  sessions: (query: string) => ['sessions', query],
  eachSession: ['session'],
  session: (id: string) => ['session', id],
  thread: (id: string) => ['thread', id],
  agents: ['agents'],
  ledger: (agentId: string) => ['ledger', agentId],
  memories: (agentId: string) => ['memories', agentId],
  suggestion: (sessionId: string) => ['suggestion', sessionId],
  decisions: (sessionId: string) => ['decisions', sessionId],
} as const;
