import { Modal, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { answer, api } from '@/api/client';
import type { Decision, Session } from '@/api/types';
import { useLocale, useT } from '@/i18n';
import { keys } from '@/state/keys';
import { longTime } from '@/ui/dates';
import { Loading } from '@/ui/Loading';

/** What an agent decided about writing first in a conversation, newest first. */
export function useDecisions(sessionId: string, enabled: boolean) {
  return useQuery({
    queryKey: keys.decisions(sessionId),
    queryFn: async ({ signal }) => {
      const params = { path: { session_id: sessionId } };
      const call = api.GET('/api/sessions/{session_id}/proactive/', { params, signal });
      return (await answer(call)).results;
    },
    enabled,
  });
}

/** The log of a conversation; with a message, the decision that led to it alone. */
export function DecisionLog({
  session,
  messageId,
  onClose,
}: {
  session: Session;
  messageId?: string;
  onClose: () => void;
}) {
  const t = useT();
  const query = useDecisions(session.id, true);
  const shown = query.data?.filter(
    (one) => messageId === undefined || one.message_id === messageId,
  );
  return (
    <Modal
      opened
      onClose={onClose}
      title={messageId ? t('whyNow') : t('decisions', { agent: session.agent_name })}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      {shown === undefined && <Loading query={query} />}
      {shown?.length === 0 && <Text>{t(messageId ? 'noDecision' : 'noDecisions')}</Text>}
      <Stack gap="md">
        {shown?.map((decision) => (
          <Entry key={decision.id} decision={decision} />
        ))}
      </Stack>
    </Modal>
  );
}

function Entry({ decision }: { decision: Decision }) {
  const t = useT();
  const locale = useLocale();
  const { outcome, at, reason, gate, next_at } = decision;
  return (
    <div>
      <Text size="sm" fw={600}>
        {t(`outcome_${outcome}`)} · {longTime(at, locale)}
      </Text>
      <Text size="sm">{reason || gate}</Text>
      {next_at && (
        <Text size="xs" c="var(--quiet)">
          {t('nextCheck', { time: longTime(next_at, locale) })}
        </Text>
      )}
    </div>
  );
}
