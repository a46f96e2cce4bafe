import { Tabs, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { answer, api } from '@/api/client';
import type { Agent } from '@/api/types';
import { Memories } from '@/features/memories/Memories';
import { useT } from '@/i18n';
import { go } from '@/router';
import { type AgentDraft, draftOf, NEW_AGENT, patchOf } from '@/state/agentDraft';
import { keys } from '@/state/keys';
import { ConfirmButton } from '@/ui/ConfirmButton';
import { Loading } from '@/ui/Loading';
import { Page } from '@/ui/Page';
import { Section } from '@/ui/Section';
import { toast } from '@/ui/toasts';
import { AgentForm } from './AgentForm';
import { Ledger } from './Ledger';
import { useAgents } from './useAgents';

/** One agent: what it is, what it was, what it remembers. `new` is one that isn't made yet. */
export default function AgentPage({ agentId }: { agentId: string }) {
  const t = useT();
  const { agents, byId, query } = useAgents();
  if (agentId === 'new') return <NewAgent />;
  const agent = byId(agentId);
  if (agent !== undefined) return <Known agent={agent} />;
  return (
    <Page title={t('agents')} backTo="/agents">
      {agents === undefined ? <Loading query={query} /> : <Text>{t('notFound')}</Text>}
    </Page>
  );
}

function NewAgent() {
  const t = useT();
  const cache = useQueryClient();
  async function create(draft: AgentDraft) {
    const { name = '', parameters, timings } = patchOf(NEW_AGENT, draft);
    // The values of a patch are those of a body, but for null, which a body leaves out.
    const given = Object.entries(parameters ?? {}).filter(
      ([key, value]) => value !== null || key === 'auto_apply_confidence',
    );
    const body = { name, parameters: Object.fromEntries(given), ...(timings && { timings }) };
    const agent = await answer(api.POST('/api/agents/', { body }));
    await cache.invalidateQueries({ queryKey: keys.agents });
    go(`/agents/${agent.id}`, 'replace');
  }
  return (
    <Page title={t('newAgent')} backTo="/agents">
      <AgentForm current={NEW_AGENT} onSave={create} />
    </Page>
  );
}

function Known({ agent }: { agent: Agent }) {
  const t = useT();
  const cache = useQueryClient();
  const params = { path: { agent_id: agent.id } };
  const refresh = () => cache.invalidateQueries({ queryKey: keys.agents });

  async function save(draft: AgentDraft) {
    const body = patchOf(draftOf(agent), draft) as Record<string, unknown>;
    await answer(api.PATCH('/api/agents/{agent_id}/', { params, body }));
    await refresh();
    toast(t('saved'), { shownMs: 2_000 });
  }
  async function remove() {
    await answer(api.DELETE('/api/agents/{agent_id}/', { params }));
    await refresh();
    go('/agents', 'replace');
  }
  return (
    <Page title={agent.name} backTo="/agents">
      <Tabs defaultValue="edit" keepMounted={false}>
        <Tabs.List mb="lg">
          <Tabs.Tab value="edit">{t('edit')}</Tabs.Tab>
          <Tabs.Tab value="history">{t('history')}</Tabs.Tab>
          <Tabs.Tab value="memories">{t('memories')}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="edit">
          <div style={{ display: 'grid', gap: '1.25rem' }}>
            <AgentForm current={draftOf(agent)} onSave={save} />
            <Section title={t('deleteAgent', { name: agent.name })} isDanger>
              <Text size="sm">{t('deleteAgentHint')}</Text>
              <ConfirmButton
                label={t('deleteAgent', { name: agent.name })}
                hint={t('deleteAgentHint')}
                onConfirm={remove}
              />
            </Section>
          </div>
        </Tabs.Panel>
        <Tabs.Panel value="history">
          <Ledger agent={agent} />
        </Tabs.Panel>
        <Tabs.Panel value="memories">
          <Memories agentId={agent.id} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
