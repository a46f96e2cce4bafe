import { Menu, Title } from '@mantine/core';
import { useState } from 'react';
import type { Session } from '@/api/types';
import { deleteSoon } from '@/features/conversations/deletion';
import { RenameDialog } from '@/features/conversations/RenameDialog';
import { useTitle } from '@/features/conversations/useTitle';
import { useLanguage, useT } from '@/i18n';
import { go } from '@/router';
import { Icon } from '@/ui/Icon';
import { IconButton } from '@/ui/IconButton';
import classes from './ChatPage.module.css';
import { DecisionLog } from './DecisionLog';

/** Whom one talks to, that it is an AI, and what can be done with the conversation. */
export function ChatHeader({ session }: { session: Session }) {
  const t = useT();
  const title = useTitle(session);
  const language = useLanguage();
  const [dialog, setDialog] = useState<'rename' | 'decisions' | null>(null);
  const close = () => setDialog(null);
  return (
    <header className={classes.header}>
      <IconButton className={classes.back} icon="back" label={t('back')} onClick={() => go('/')} />
      <div className={classes.names}>
        <Title order={2} className={classes.title} dir="auto">
          {title}
        </Title>
        {/* The server says it in English. */}
        <p className={classes.notice}>{language === 'en' ? session.notice : t('notice')}</p>
      </div>
      <Menu position="bottom-end" shadow="md" withinPortal>
        <Menu.Target>
          <IconButton icon="more" label={t('moreActions')} />
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            leftSection={<Icon name="agents" size={16} />}
            onClick={() => go(`/agents/${session.agent_configuration}`)}
          >
            {t('editAgent', { name: session.agent_name })}
          </Menu.Item>
          <Menu.Item
            leftSection={<Icon name="clock" size={16} />}
            onClick={() => setDialog('decisions')}
          >
            {t('decisions', { agent: session.agent_name })}
          </Menu.Item>
          <Menu.Item
            leftSection={<Icon name="edit" size={16} />}
            onClick={() => setDialog('rename')}
          >
            {t('rename')}
          </Menu.Item>
          <Menu.Item
            leftSection={<Icon name="trash" size={16} />}
            onClick={() => {
              deleteSoon(session.id, title);
              go('/', 'replace');
            }}
          >
            {t('delete')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {dialog === 'rename' && <RenameDialog session={session} onClose={close} />}
      {dialog === 'decisions' && <DecisionLog session={session} onClose={close} />}
    </header>
  );
}
