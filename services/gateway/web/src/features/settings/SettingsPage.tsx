import {
  Button,
  Group,
  NativeSelect,
  SegmentedControl,
  Switch,
  Text,
  useMantineColorScheme,
} from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '@/api/client';
import { currentUser } from '@/api/tokens';
import { forgetLogin, logOut } from '@/features/auth/account';
import { notificationsWanted, wantNotifications } from '@/features/notify';
import { chooseLanguage, LANGUAGES, type Language, useLanguage, useT } from '@/i18n';
import { keys } from '@/state/keys';
import { clearOutbox } from '@/state/outbox';
import { ConfirmButton } from '@/ui/ConfirmButton';
import { Page } from '@/ui/Page';
import { Section } from '@/ui/Section';
import { toast } from '@/ui/toasts';
import { useTask } from '@/ui/useTask';
import { downloadExport } from './downloadExport';
import { PasswordForm } from './PasswordForm';

/** The user's account, this browser's choices, and what happens to the data. */
export default function SettingsPage() {
  const t = useT();
  const everywhere = useTask(() => logOut(true));
  const download = useTask(downloadExport);
  async function deleteAccount(password: string) {
    const user = currentUser();
    await answer(api.DELETE('/api/me/', { body: { password } }));
    if (user !== null) clearOutbox(user);
    forgetLogin();
  }
  return (
    <Page title={t('settings')} backTo="/">
      <Account />
      <Section title={t('appearance')}>
        <Appearance />
        <LanguageChoice />
      </Section>
      <Section title={t('notifications')}>
        <Notifications />
      </Section>
      <Section title={t('changePassword')}>
        <PasswordForm />
      </Section>
      <Section title={t('yourData')}>
        <Text size="sm">{t('exportHint')}</Text>
        <Button
          variant="default"
          w="fit-content"
          loading={download.busy}
          onClick={() => void download.run()}
        >
          {t('export')}
        </Button>
      </Section>
      <Section title={t('logOut')}>
        <Group>
          <Button variant="default" onClick={() => void logOut(false)}>
            {t('logOut')}
          </Button>
          <Button variant="default" loading={everywhere.busy} onClick={() => void everywhere.run()}>
            {t('logOutEverywhere')}
          </Button>
        </Group>
      </Section>
      <Section title={t('deleteAccount')} isDanger>
        <Text size="sm">{t('deleteAccountHint')}</Text>
        <ConfirmButton
          label={t('deleteAccount')}
          hint={t('deleteAccountHint')}
          asksPassword
          onConfirm={deleteAccount}
        />
      </Section>
    </Page>
  );
}

function Account() {
  const t = useT();
  const cache = useQueryClient();
  const { data: me } = useQuery({
    queryKey: keys.me,
    queryFn: ({ signal }) => answer(api.GET('/api/me/', { signal })),
  });
  const change = useTask(async (timezone: string) => {
    const changed = await answer(api.PATCH('/api/me/', { body: { timezone } }));
    cache.setQueryData(keys.me, changed);
    toast(t('saved'), { shownMs: 2_000 });
  });
  const zones = Intl.supportedValuesOf('timeZone');
  const current = me?.timezone ?? '';
  return (
    <Section title={t('account')}>
      <Text>{me?.username}</Text>
      <NativeSelect
        label={t('timezone')}
        value={current}
        disabled={me === undefined || change.busy}
        data={[...new Set([current, 'UTC', ...zones])].filter(Boolean)}
        onChange={(event) => void change.run(event.currentTarget.value)}
      />
    </Section>
  );
}

function Appearance() {
  const t = useT();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <SegmentedControl
      aria-label={t('appearance')}
      value={colorScheme}
      onChange={setColorScheme}
      data={[
        { value: 'light', label: t('light') },
        { value: 'dark', label: t('dark') },
        { value: 'auto', label: t('system') },
      ]}
    />
  );
}

function LanguageChoice() {
  const t = useT();
  const language = useLanguage();
  return (
    <NativeSelect
      label={t('language')}
      value={language}
      data={Object.entries(LANGUAGES).map(([value, label]) => ({ value, label }))}
      onChange={(event) => chooseLanguage(event.currentTarget.value as Language)}
    />
  );
}

function Notifications() {
  const t = useT();
  const [on, setOn] = useState(notificationsWanted);
  const [blocked, setBlocked] = useState(false);
  const choose = useTask(async (wanted: boolean) => {
    const granted = await wantNotifications(wanted);
    setOn(granted);
    setBlocked(wanted && !granted);
  });
  return (
    <Switch
      label={t('notificationsHint')}
      checked={on}
      error={blocked ? t('notificationsBlocked') : undefined}
      onChange={(event) => void choose.run(event.currentTarget.checked)}
    />
  );
}
