export default function AgentsPage(_: { agentId?: string }) {
  return null;
}
