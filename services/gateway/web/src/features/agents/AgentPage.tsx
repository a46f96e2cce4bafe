export default function AgentPage(_: { agentId?: string }) {
  return null;
}
