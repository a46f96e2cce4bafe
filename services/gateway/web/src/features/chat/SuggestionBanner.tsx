import { Button, Group, Paper, Text, Textarea } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '@/api/client';
import { asProblem } from '@/api/problem';
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
  const [inWork, setInWork] = useState<Suggestion | null>(null);
  const shown = inWork ?? data;
  if (!shown) return null;
  return <Banner key={shown.id} session={session} suggestion={shown} onWork={setInWork} />;
}

/** Whether a suggestion does not wait any more: the agent changed otherwise. */
function hasLapsed(error: unknown): boolean {
  return asProblem(error).code === 'suggestion_not_found';
}

interface BannerProps {
  readonly session: Session;
  readonly suggestion: Suggestion;
  /** Somebody writes their own words into it, which stay whatever becomes of it; null: no longer. */
  readonly onWork: (suggestion: Suggestion | null) => void;
}

function Banner({ session, suggestion, onWork }: BannerProps) {
  const t = useT();
  const cache = useQueryClient();
  const agent = useAgents().byId(session.agent_configuration);
  const [edited, setEdited] = useState<string | null>(null);
  const params = { path: { session_id: session.id } };
  const settled = async () => {
    await cache.invalidateQueries({ queryKey: keys.suggestion(session.id) });
    onWork(null);
  };
  const apply = useTask(async () => {
    const body = edited === null ? {} : { suggested_personality: edited };
    try {
      await answer(api.POST('/api/sessions/{session_id}/personality-update/', { params, body }));
    } catch (error) {
      if (edited === null || !hasLapsed(error)) throw error;
      const ofAgent = { path: { agent_id: session.agent_configuration } };
      const own = { params: ofAgent, body: { personality_prompt: edited } };
      await answer(api.PUT('/api/agents/{agent_id}/personality/', own));
    }
    toast(t('applied'));
    await settled();
  });
  const dismiss = useTask(async () => {
    try {
      await answer(api.POST('/api/sessions/{session_id}/personality-dismiss/', { params }));
    } catch (error) {
      if (!hasLapsed(error)) throw error;
    }
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
            onClick={() => {
              setEdited(suggestion.suggested_personality);
              onWork(suggestion);
            }}
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
