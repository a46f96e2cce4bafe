import { Text } from '@mantine/core';
import { useAgents } from '@/features/agents/useAgents';
import { useT } from '@/i18n';
import { useSessions } from './useSessions';
import { Welcome } from './Welcome';
import classes from './Welcome.module.css';

/** The main pane while no conversation is open; at the first visit, the welcome. */
export function NothingChosen() {
  const t = useT();
  const isNew = useIsNew();
  if (isNew === undefined) return null;
  if (isNew) return <Welcome />;
  return (
    <Text className={classes.nothing} c="var(--quiet)">
      {t('chooseConversation')}
    </Text>
  );
}

/** Whether the user has no conversation and no agent yet; undefined while that isn't known. */
export function useIsNew(): boolean | undefined {
  const { sessions, data } = useSessions('');
  const { agents } = useAgents();
  if (data === undefined || agents === undefined) return undefined;
  return sessions.length === 0 && agents.every((agent) => agent.name === 'default');
}
