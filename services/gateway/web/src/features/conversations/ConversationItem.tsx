import { Badge, Menu } from '@mantine/core';
import { type MouseEvent, memo, useState } from 'react';
import type { Session } from '@/api/types';
import { useLocale, useT } from '@/i18n';
import { go, usePage } from '@/router';
import { useLive } from '@/state/liveStore';
import { shortTime } from '@/ui/dates';
import { Icon } from '@/ui/Icon';
import { IconButton } from '@/ui/IconButton';
import { deleteSoon } from './deletion';
import { RenameDialog } from './RenameDialog';
import classes from './Sidebar.module.css';
import { useTitle } from './useTitle';

/** A conversation in the list. */
export const ConversationItem = memo(function ConversationItem({ session }: { session: Session }) {
  const t = useT();
  const locale = useLocale();
  const page = usePage();
  const [renaming, setRenaming] = useState(false);
  const title = useTitle(session);
  const isCurrent = page.page === 'chat' && page.sessionId === session.id;
  const typing = useLive(session.id).typing.agent > 0;

  function open(event: MouseEvent) {
    if (event.metaKey || event.ctrlKey) return; // a tab of its own
    event.preventDefault();
    go(`/c/${session.id}`);
  }

  return (
    <li className={classes.item} data-current={isCurrent || undefined}>
      <a
        className={classes.link}
        href={`/c/${session.id}`}
        onClick={open}
        aria-current={isCurrent ? 'page' : undefined}
      >
        <span className={classes.title} dir="auto">
          {title}
        </span>
        <time className={classes.time} dateTime={session.last_activity_at}>
          {shortTime(session.last_activity_at, locale)}
        </time>
        <span className={classes.last} dir="auto">
          {typing ? t('typing', { agent: session.agent_name }) : lastLine(session, t('you'))}
        </span>
        {session.unread_count > 0 && (
          <Badge
            className={classes.unread}
            size="sm"
            circle={session.unread_count < 10}
            aria-label={t('unread', { count: session.unread_count })}
          >
            {session.unread_count}
          </Badge>
        )}
      </a>
      <Menu position="bottom-end" shadow="md" withinPortal>
        <Menu.Target>
          <IconButton
            className={classes.actions}
            icon="more"
            size="md"
            label={`${t('moreActions')}: ${title}`}
          />
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<Icon name="edit" size={16} />} onClick={() => setRenaming(true)}>
            {t('rename')}
          </Menu.Item>
          <Menu.Item
            leftSection={<Icon name="trash" size={16} />}
            onClick={() => {
              deleteSoon(session.id, title);
              if (isCurrent) go('/', 'replace');
            }}
          >
            {t('delete')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {renaming && <RenameDialog session={session} onClose={() => setRenaming(false)} />}
    </li>
  );
});

function lastLine(session: Session, you: string): string {
  const last = session.last_message;
  if (last === null) return session.agent_name;
  const line = last.message.replace(/\s+/g, ' ');
  return last.is_user ? `${you}: ${line}` : line;
}
