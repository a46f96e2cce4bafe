import { Button, PasswordInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { answer, api } from '@/api/client';
import { useT } from '@/i18n';
import { toast } from '@/ui/toasts';
import { useTask } from '@/ui/useTask';

const PASSWORD_CHARS_MIN = 8;

/** Changes the password; the current one is asked for. */
export function PasswordForm() {
  const t = useT();
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const change = useTask(async () => {
    const body = { current_password: current, new_password: next };
    await answer(api.PATCH('/api/me/', { body }));
    setCurrent('');
    setNext('');
    toast(t('passwordChanged'));
  });
  function submit(event: FormEvent) {
    event.preventDefault();
    void change.run();
  }
  const common = {
    required: true,
    withAsterisk: false,
    visibilityToggleButtonProps: { 'aria-label': t('showPassword') },
  };
  return (
    <form onSubmit={submit} style={{ display: 'grid', gap: '0.75rem' }}>
      <PasswordInput
        {...common}
        label={t('currentPassword')}
        autoComplete="current-password"
        value={current}
        onChange={(event) => setCurrent(event.currentTarget.value)}
      />
      <PasswordInput
        {...common}
        label={t('newPassword')}
        description={t('passwordHint')}
        autoComplete="new-password"
        minLength={PASSWORD_CHARS_MIN}
        value={next}
        onChange={(event) => setNext(event.currentTarget.value)}
      />
      <Button type="submit" variant="default" w="fit-content" loading={change.busy}>
        {t('changePassword')}
      </Button>
    </form>
  );
}
