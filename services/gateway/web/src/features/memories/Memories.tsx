import { Button, Group, Stack, Text, Textarea } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '@/api/client';
import type { Memory } from '@/api/types';
import { Evidence } from '@/features/agents/Evidence';
import { useLocale, useT } from '@/i18n';
import { keys } from '@/state/keys';
import { longTime } from '@/ui/dates';
import { IconButton } from '@/ui/IconButton';
import { Loading } from '@/ui/Loading';
import pageClasses from '@/ui/Page.module.css';
import { toast } from '@/ui/toasts';
import { useTask } from '@/ui/useTask';

const LIST = '/api/agents/{agent_id}/memories/';
const ONE = '/api/agents/{agent_id}/memories/{memory_id}/';

/** What an agent keeps about the user: to read, to put right, to have forgotten. */
export function Memories({ agentId }: { agentId: string }) {
  const t = useT();
  const query = useQuery({
    queryKey: keys.memories(agentId),
    queryFn: async ({ signal }) => {
      const params = { path: { agent_id: agentId } };
      return (await answer(api.GET(LIST, { params, signal }))).results;
    },
  });
  const { data } = query;
  if (data === undefined) return <Loading query={query} />;
  if (data.length === 0) return <Text c="var(--quiet)">{t('noMemories')}</Text>;
  return (
    <Stack gap="sm">
      {data.map((memory) => (
        <Entry key={memory.id} agentId={agentId} memory={memory} />
      ))}
    </Stack>
  );
}

function Entry({ agentId, memory }: { agentId: string; memory: Memory }) {
  const t = useT();
  const locale = useLocale();
  const cache = useQueryClient();
  const [edited, setEdited] = useState<string | null>(null);
  const params = { path: { agent_id: agentId, memory_id: memory.id } };
  const refresh = () => cache.invalidateQueries({ queryKey: keys.memories(agentId) });
  const save = useTask(async () => {
    if (edited !== null) await answer(api.PATCH(ONE, { params, body: { text: edited } }));
    await refresh();
    setEdited(null);
  });
  const forget = useTask(async () => {
    await answer(api.DELETE(ONE, { params }));
    await refresh();
    toast(t('memoryDeleted'), { shownMs: 2_000 });
  });
  return (
    <article className={pageClasses.section}>
      {edited === null ? (
        <Group justify="space-between" wrap="nowrap" align="flex-start">
          <div style={{ minWidth: 0 }}>
            <Text dir="auto" style={{ overflowWrap: 'anywhere' }}>
              {memory.text}
            </Text>
            <Text size="xs" c="var(--quiet)">
              {longTime(memory.updated_at, locale)}
            </Text>
          </div>
          <Group gap={0} wrap="nowrap">
            <IconButton
              icon="edit"
              label={`${t('editMemory')}: ${memory.text}`}
              onClick={() => setEdited(memory.text)}
            />
            <IconButton
              icon="trash"
              label={`${t('delete')}: ${memory.text}`}
              loading={forget.busy}
              onClick={() => void forget.run()}
            />
          </Group>
        </Group>
      ) : (
        <>
          <Textarea
            aria-label={t('editMemory')}
            autosize
            value={edited}
            onChange={(event) => setEdited(event.currentTarget.value)}
          />
          <Group gap="xs">
            <Button
              size="xs"
              loading={save.busy}
              disabled={edited.trim() === ''}
              onClick={() => void save.run()}
            >
              {t('save')}
            </Button>
            <Button size="xs" variant="default" onClick={() => setEdited(null)}>
              {t('cancel')}
            </Button>
          </Group>
        </>
      )}
      <Evidence evidence={memory.evidence} />
    </article>
  );
}
