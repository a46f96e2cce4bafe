import {
  Button,
  Group,
  NativeSelect,
  SimpleGrid,
  Switch,
  Textarea,
  TextInput,
} from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useT } from '@/i18n';
import { type AgentDraft, BEHAVIOURS } from '@/state/agentDraft';
import { Section } from '@/ui/Section';
import { useTask } from '@/ui/useTask';

const NAME_CHARS_MAX = 100;
const PERSONALITY_CHARS_MAX = 16_000;

interface Props {
  /** What is set now; it may change while somebody writes. */
  readonly current: AgentDraft;
  readonly onSave: (draft: AgentDraft) => Promise<void>;
}

/** Everything that can be set about an agent. */
export function AgentForm({ current, onSave }: Props) {
  const t = useT();
  const [edits, setEdits] = useState<Partial<AgentDraft>>({});
  const draft = { ...current, ...edits };
  const edit = (more: Partial<AgentDraft>) => setEdits((before) => ({ ...before, ...more }));
  const save = useTask(async () => {
    await onSave(draft);
    setEdits((now) => (now === edits ? {} : now)); // what was written meanwhile stays
  });
  const field = (name: Exclude<keyof AgentDraft, 'autoApply' | 'behaviour'>) => ({
    value: draft[name],
    onChange: (event: { currentTarget: { value: string } }) => {
      edit({ [name]: event.currentTarget.value });
    },
  });
  function submit(event: FormEvent) {
    event.preventDefault();
    void save.run();
  }
  return (
    <form onSubmit={submit} style={{ display: 'contents' }}>
      <Section title={t('personality')}>
        <TextInput
          label={t('name')}
          required
          withAsterisk={false}
          maxLength={NAME_CHARS_MAX}
          {...field('name')}
        />
        <Textarea
          label={t('personality')}
          description={t('personalityHint')}
          autosize
          minRows={5}
          maxRows={16}
          maxLength={PERSONALITY_CHARS_MAX}
          {...field('personality')}
        />
        <Switch
          label={t('autoApply')}
          description={t('autoApplyHint')}
          checked={draft.autoApply}
          onChange={(event) => edit({ autoApply: event.currentTarget.checked })}
        />
      </Section>
      <Section title={t('model')}>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <TextInput label={t('model')} description={t('modelHint')} {...field('model')} />
          <TextInput
            label={t('temperature')}
            description={t('temperatureHint')}
            type="number"
            min={0}
            max={2}
            step={0.1}
            {...field('temperature')}
          />
        </SimpleGrid>
      </Section>
      <Section title={t('proactive')}>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <NativeSelect
            label={t('proactive')}
            value={draft.behaviour}
            data={BEHAVIOURS.map((value) => ({ value, label: t(`proactive_${value}`) }))}
            onChange={(event) => {
              const behaviour = BEHAVIOURS.find((one) => one === event.currentTarget.value);
              if (behaviour) edit({ behaviour });
            }}
          />
          <TextInput label={t('dailyCap')} type="number" min={0} max={100} {...field('dailyCap')} />
          <TextInput
            label={t('inactivity')}
            type="number"
            min={1}
            max={525_600}
            {...field('inactivity')}
          />
          <Group grow gap="xs" align="flex-end" role="group" aria-label={t('quietHours')}>
            <TextInput
              label={`${t('quietHours')}: ${t('quietFrom')}`}
              type="time"
              required={draft.quietTo !== ''}
              withAsterisk={false}
              {...field('quietFrom')}
            />
            <TextInput
              label={t('quietTo')}
              type="time"
              required={draft.quietFrom !== ''}
              withAsterisk={false}
              {...field('quietTo')}
            />
          </Group>
        </SimpleGrid>
      </Section>
      <Button type="submit" w="fit-content" loading={save.busy} disabled={draft.name.trim() === ''}>
        {t('save')}
      </Button>
    </form>
  );
}
