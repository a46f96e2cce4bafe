import { Button, Menu, Text, TextInput, Title } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';
import { useAgents } from '@/features/agents/useAgents';
import { logOut } from '@/features/auth/account';
import { useT } from '@/i18n';
import icon from '@/icon.svg';
import { go } from '@/router';
import { Icon } from '@/ui/Icon';
import { IconButton } from '@/ui/IconButton';
import { Loading } from '@/ui/Loading';
import { ConversationItem } from './ConversationItem';
import classes from './Sidebar.module.css';
import { startConversation } from './startConversation';
import { useSessions } from './useSessions';

const SEARCH_DELAY_MS = 200;

/** All conversations, and the ways to everything else. */
export function Sidebar() {
  const t = useT();
  const [search, setSearch] = useState('');
  const [query] = useDebouncedValue(search.trim(), SEARCH_DELAY_MS);
  const list = useSessions(query);
  return (
    <aside className={classes.sidebar}>
      <header className={classes.head}>
        <img src={icon} alt="" width={28} height={28} />
        <Title order={1} size="h4" className={classes.name}>
          Lingxi
        </Title>
        <NewConversation />
        <MainMenu />
      </header>
      <TextInput
        className={classes.search}
        type="search"
        size="sm"
        aria-label={t('searchConversations')}
        placeholder={t('searchConversations')}
        leftSection={<Icon name="search" size={16} />}
        value={search}
        onChange={(event) => setSearch(event.currentTarget.value)}
      />
      <nav className={classes.list} aria-label={t('conversations')}>
        {list.data === undefined && (
          <div className={classes.centre}>
            <Loading query={list} />
          </div>
        )}
        {list.data !== undefined && list.sessions.length === 0 && (
          <Text size="sm" c="var(--quiet)" className={classes.centre}>
            {query ? t('nothingFound', { query }) : t('noConversations')}
          </Text>
        )}
        <ul className={classes.items}>
          {list.sessions.map((session) => (
            <ConversationItem key={session.id} session={session} />
          ))}
        </ul>
        {list.hasNextPage && (
          <Button
            variant="subtle"
            fullWidth
            loading={list.isFetchingNextPage}
            onClick={() => void list.fetchNextPage()}
          >
            {t('loadMore')}
          </Button>
        )}
      </nav>
    </aside>
  );
}

function NewConversation() {
  const t = useT();
  const { agents } = useAgents();
  return (
    <Menu position="bottom-end" shadow="md" width={240} withinPortal>
      <Menu.Target>
        <IconButton icon="plus" label={t('newConversation')} variant="filled" color="jade" />
      </Menu.Target>
      <Menu.Dropdown className={classes.menu}>
        <Menu.Label>{t('newWith')}</Menu.Label>
        {agents?.map((agent) => (
          <Menu.Item key={agent.id} onClick={() => void startConversation(agent.id)}>
            {agent.name}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item leftSection={<Icon name="plus" size={16} />} onClick={() => go('/agents/new')}>
          {t('newAgent')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function MainMenu() {
  const t = useT();
  return (
    <Menu position="bottom-end" shadow="md" width={200} withinPortal>
      <Menu.Target>
        <IconButton icon="more" label={t('menu')} />
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<Icon name="agents" size={16} />} onClick={() => go('/agents')}>
          {t('agents')}
        </Menu.Item>
        <Menu.Item leftSection={<Icon name="settings" size={16} />} onClick={() => go('/settings')}>
          {t('settings')}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item
          leftSection={<Icon name="logout" size={16} />}
          onClick={() => void logOut(false)}
        >
          {t('logOut')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
