import { Badge, Button, Group, Stack, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { answer, api } from '@/api/client';
import type { Agent, LedgerEntry } from '@/api/types';
import { useLocale, useT } from '@/i18n';
import { keys } from '@/state/keys';
import { longTime } from '@/ui/dates';
import { Loading } from '@/ui/Loading';
import pageClasses from '@/ui/Page.module.css';
import { toast } from '@/ui/toasts';
import { useTask } from '@/ui/useTask';
import { DiffView } from './DiffView';
import { Evidence } from './Evidence';

/** All versions of a personality, each with what it changed, why, and the way back to it. */
export function Ledger({ agent }: { agent: Agent }) {
  const query = useQuery({
    queryKey: keys.ledger(agent.id),
    queryFn: ({ signal }) => versions(agent.id, signal),
  });
  const { data } = query;
  if (data === undefined) return <Loading query={query} />;
  return (
    <Stack>
      {data.map((entry, place) => (
        <Version
          key={entry.version}
          agent={agent}
          entry={entry}
          before={data[place + 1]}
          isCurrent={place === 0}
        />
      ))}
    </Stack>
  );
}

/** All of them, newest first; a long ledger comes in several answers. */
async function versions(agentId: string, signal: AbortSignal): Promise<LedgerEntry[]> {
  const all: LedgerEntry[] = [];
  for (;;) {
    const query = all.length === 0 ? {} : { before: all.at(-1)?.version };
    const params = { path: { agent_id: agentId }, query };
    const call = api.GET('/api/agents/{agent_id}/personality/history/', { params, signal });
    const page = await answer(call);
    all.push(...page.results);
    if (page.next === null) return all;
  }
}

interface VersionProps {
  readonly agent: Agent;
  readonly entry: LedgerEntry;
  readonly before: LedgerEntry | undefined;
  readonly isCurrent: boolean;
}

function Version({ agent, entry, before, isCurrent }: VersionProps) {
  const t = useT();
  const locale = useLocale();
  const cache = useQueryClient();
  const { version, source, reason, confidence, restored_from, created_at } = entry;
  const restore = useTask(async () => {
    const params = { path: { agent_id: agent.id } };
    const call = api.POST('/api/agents/{agent_id}/personality/rollback/', {
      params,
      body: { version },
    });
    await answer(call);
    await cache.invalidateQueries({ queryKey: keys.ledger(agent.id) });
    await cache.invalidateQueries({ queryKey: keys.agents });
    toast(t('restored', { version }));
  });
  return (
    <article className={pageClasses.section}>
      <Group justify="space-between">
        <Group gap="xs">
          <Text fw={600}>{t('versionNumber', { version })}</Text>
          {isCurrent && <Badge variant="light">{t('current')}</Badge>}
        </Group>
        {!isCurrent && (
          <Button
            size="xs"
            variant="default"
            loading={restore.busy}
            onClick={() => void restore.run()}
          >
            {t('restore')}
          </Button>
        )}
      </Group>
      <Text size="sm" c="var(--quiet)">
        {longTime(created_at, locale)} · {t(`source_${source}`, { version: restored_from ?? '' })}
        {confidence != null && ` · ${t('confidence', { percent: Math.round(confidence * 100) })}`}
      </Text>
      {reason && (
        <Text size="sm" dir="auto">
          {reason}
        </Text>
      )}
      <DiffView before={before?.personality_prompt ?? ''} after={entry.personality_prompt} />
      <Evidence evidence={entry.evidence} />
    </article>
  );
}
