import { Button, Group, Modal, PasswordInput, Text } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useT } from '@/i18n';
import { useTask } from './useTask';

interface Props {
  readonly label: string;
  readonly hint: string;
  /** Whether the password is asked for, too. */
  readonly asksPassword?: boolean;
  readonly onConfirm: (password: string) => Promise<void>;
}

/** A button for what can't be undone: it asks first. */
export function ConfirmButton({ label, hint, asksPassword, onConfirm }: Props) {
  const t = useT();
  const [asks, setAsks] = useState(false);
  const [password, setPassword] = useState('');
  const task = useTask(async () => {
    await onConfirm(password);
    setAsks(false);
  });
  function submit(event: FormEvent) {
    event.preventDefault();
    void task.run();
  }
  return (
    <>
      <Button
        color="red"
        variant="outline"
        w="fit-content"
        maw="100%"
        styles={{
          label: { display: 'block', height: 'auto', lineHeight: 1.5, textOverflow: 'ellipsis' },
        }}
        onClick={() => setAsks(true)}
      >
        {label}
      </Button>
      <Modal
        opened={asks}
        onClose={() => setAsks(false)}
        title={label}
        closeButtonProps={{ 'aria-label': t('close') }}
      >
        <form onSubmit={submit}>
          <Text size="sm">{hint}</Text>
          {asksPassword && (
            <PasswordInput
              mt="md"
              label={t('password')}
              autoComplete="current-password"
              required
              withAsterisk={false}
              visibilityToggleButtonProps={{ 'aria-label': t('showPassword') }}
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
            />
          )}
          <Group justify="flex-end" mt="md">
            <Button variant="default" onClick={() => setAsks(false)}>
              {t('cancel')}
            </Button>
            <Button type="submit" color="red.8" loading={task.busy}>
              {t('delete')}
            </Button>
          </Group>
        </form>
      </Modal>
    </>
  );
}
