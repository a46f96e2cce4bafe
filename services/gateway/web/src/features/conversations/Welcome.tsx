import { Anchor, Text, Title } from '@mantine/core';
import { answer, api } from '@/api/client';
import { useAgents } from '@/features/agents/useAgents';
import { useT } from '@/i18n';
import { go } from '@/router';
import { useTask } from '@/ui/useTask';
import { startConversation } from './startConversation';
import classes from './Welcome.module.css';

const PRESETS = ['preset1', 'preset2', 'preset3'] as const;

/** The first visit: three personalities to pick from. One click, and the conversation is open. */
export function Welcome() {
  const t = useT();
  const { agents } = useAgents();
  const pick = useTask(async (preset: (typeof PRESETS)[number]) => {
    const name = t(`${preset}Name`);
    const known = agents?.find((agent) => agent.name === name);
    const body = { name, parameters: { personality_prompt: t(`${preset}Prompt`) } };
    const agent = known ?? (await answer(api.POST('/api/agents/', { body })));
    await startConversation(agent.id);
  });
  return (
    <section className={classes.welcome}>
      <Title order={2}>{t('welcome')}</Title>
      <Text c="var(--quiet)">{t('welcomeHint')}</Text>
      <ul className={classes.cards}>
        {PRESETS.map((preset, number) => (
          <li key={preset}>
            <button
              type="button"
              className={classes.card}
              data-number={number}
              disabled={pick.busy}
              onClick={() => void pick.run(preset)}
            >
              <span className={classes.face} aria-hidden="true">
                {Array.from(t(`${preset}Name`))[0]}
              </span>
              <span className={classes.name}>{t(`${preset}Name`)}</span>
              <span className={classes.about}>{t(`${preset}About`)}</span>
              <span className={classes.pick}>{t('pick', { name: t(`${preset}Name`) })}</span>
            </button>
          </li>
        ))}
      </ul>
      <Anchor component="button" type="button" onClick={() => go('/agents/new')}>
        {t('ownCompanion')}
      </Anchor>
    </section>
  );
}
