import { Button, Group, Paper, Text, Textarea } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '@/api/client';
import type { Session, Suggestion } from '@/api/types';
import { DiffView } from '@/features/agents/DiffView';
import { Evidence } from '@/features/agents/Evidence';
import { useAgents } from '@/features/agents/useAgents';
import { useT } from '@/i18n';
import { keys } from '@/state/keys';
import { toast } from '@/ui/toasts';
import { useTask } from '@/ui/useTask';
import classes from './SuggestionBanner.module.css';

const PERSONALITY_CHARS_MAX = 16_000;

/** What the agent would like to change about itself, if there is something. */
export function SuggestionBanner({ session }: { session: Session }) {
  const { data } = useQuery({
    queryKey: keys.suggestion(session.id),
    queryFn: async ({ signal }) => {
      const params = { path: { session_id: session.id } };
      const call = api.GET('/api/sessions/{session_id}/personality-suggestion/', {
        params,
        signal,
      });
      return (await answer(call)).suggestion ?? null;
    },
  });
  return data ? <Banner key={data.id} session={session} suggestion={data} /> : null;
}

function Banner({ session, suggestion }: { session: Session; suggestion: Suggestion }) {
  const t = useT();
  const cache = useQueryClient();
  const agent = useAgents().byId(session.agent_configuration);
  const [edited, setEdited] = useState<string | null>(null);
  const params = { path: { session_id: session.id } };
  const settled = () => cache.invalidateQueries({ queryKey: keys.suggestion(session.id) });
  const apply = useTask(async () => {
    const body = edited === null ? {} : { suggested_personality: edited };
    await answer(api.POST('/api/sessions/{session_id}/personality-update/', { params, body }));
    toast(t('applied'));
    await settled();
  });
  const dismiss = useTask(async () => {
    await answer(api.POST('/api/sessions/{session_id}/personality-dismiss/', { params }));
    await settled();
  });
  const percent = Math.round(suggestion.confidence * 100);
  return (
    <Paper
      component="section"
      className={classes.banner}
      withBorder
      shadow="sm"
      aria-label={t('suggestion', { agent: session.agent_name })}
    >
      <Group justify="space-between" gap="xs">
        <Text fw={600}>{t('suggestion', { agent: session.agent_name })}</Text>
        <Text size="sm" c="var(--quiet)">
          {t('confidence', { percent })}
        </Text>
      </Group>
      <div className={classes.body}>
        <Text size="sm" dir="auto">
          {suggestion.reason}
        </Text>
        {edited === null ? (
          <DiffView
            before={agent?.parameters.personality_prompt ?? ''}
            after={suggestion.suggested_personality}
          />
        ) : (
          <Textarea
            aria-label={t('personality')}
            autosize
            minRows={3}
            maxRows={10}
            maxLength={PERSONALITY_CHARS_MAX}
            value={edited}
            onChange={(event) => setEdited(event.currentTarget.value)}
          />
        )}
        <Evidence evidence={suggestion.evidence} />
      </div>
      <Group gap={6}>
        <Button size="xs" px="sm" loading={apply.busy} onClick={() => void apply.run()}>
          {t('apply')}
        </Button>
        {edited === null && (
          <Button
            size="xs"
            px="sm"
            variant="default"
            onClick={() => setEdited(suggestion.suggested_personality)}
          >
            {t('editSuggestion')}
          </Button>
        )}
        <Button
          size="xs"
          px="sm"
          variant="subtle"
          color="gray"
          loading={dismiss.busy}
          onClick={() => void dismiss.run()}
        >
          {t('dismiss')}
        </Button>
      </Group>
    </Paper>
  );
}
