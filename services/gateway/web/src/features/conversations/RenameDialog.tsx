import { Button, Group, Modal, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { answer, api } from '@/api/client';
import type { Session } from '@/api/types';
import { useT } from '@/i18n';
import { useTask } from '@/ui/useTask';

const TITLE_CHARS_MAX = 60;

/** Gives a conversation a title of the user's own; the feed tells the new one. */
export function RenameDialog({ session, onClose }: { session: Session; onClose: () => void }) {
  const t = useT();
  const [title, setTitle] = useState(session.title);
  const rename = useTask(async () => {
    const params = { path: { session_id: session.id } };
    await answer(
      api.PATCH('/api/sessions/{session_id}/', { params, body: { title: title.trim() } }),
    );
    onClose();
  });

  function submit(event: FormEvent) {
    event.preventDefault();
    event.stopPropagation();
    void rename.run();
  }

  return (
    <Modal
      opened
      onClose={onClose}
      title={t('rename')}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      <form onSubmit={submit}>
        <TextInput
          label={t('title')}
          data-autofocus
          required
          withAsterisk={false}
          maxLength={TITLE_CHARS_MAX}
          value={title}
          onChange={(event) => setTitle(event.currentTarget.value)}
        />
        <Group justify="flex-end" mt="md">
          <Button variant="default" onClick={onClose}>
            {t('cancel')}
          </Button>
          <Button type="submit" loading={rename.busy} disabled={title.trim() === ''}>
            {t('save')}
          </Button>
        </Group>
      </form>
    </Modal>
  );
}
