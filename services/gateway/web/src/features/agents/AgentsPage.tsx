import { Button, Text } from '@mantine/core';
import { useT } from '@/i18n';
import { go } from '@/router';
import { Icon } from '@/ui/Icon';
import { Loading } from '@/ui/Loading';
import { Page } from '@/ui/Page';
import classes from './AgentsPage.module.css';
import { useAgents } from './useAgents';

/** All agents. */
export default function AgentsPage() {
  const t = useT();
  const { agents, query } = useAgents();
  return (
    <Page
      title={t('agents')}
      backTo="/"
      actions={
        <Button
          size="sm"
          leftSection={<Icon name="plus" size={16} />}
          onClick={() => go('/agents/new')}
        >
          {t('newAgent')}
        </Button>
      }
    >
      {agents === undefined && <Loading query={query} />}
      {agents?.length === 0 && <Text c="var(--quiet)">{t('noAgents')}</Text>}
      <ul className={classes.list}>
        {agents?.map(({ id, name, parameters }) => (
          <li key={id}>
            <a
              className={classes.card}
              href={`/agents/${id}`}
              onClick={(event) => {
                event.preventDefault();
                go(`/agents/${id}`);
              }}
            >
              <span className={classes.name} dir="auto">
                {name}
              </span>
              <span className={classes.about} dir="auto">
                {parameters.personality_prompt}
              </span>
              <span className={classes.facts}>
                {parameters.model} · {t(`proactive_${parameters.proactive_behavior}`)}
              </span>
            </a>
          </li>
        ))}
      </ul>
    </Page>
  );
}
