/** The app of somebody who is logged in: conversations beside one page; on a phone one of both. */
import { Button, Loader } from '@mantine/core';
import { lazy, Suspense, useCallback, useEffect } from 'react';
import type { Frame } from '@/api/types';
import { useT } from '@/i18n';
import { go, type Page, usePage } from '@/router';
import { useFeed } from '@/state/useFeed';
import { ErrorBoundary } from '@/ui/ErrorBoundary';
import { Notice } from '@/ui/Notice';
import { ChatPage } from './chat/ChatPage';
import { resumeDeletions } from './conversations/deletion';
import { NothingChosen, useIsNew } from './conversations/NothingChosen';
import { Sidebar } from './conversations/Sidebar';
import classes from './Home.module.css';
import { notifyOf, useLooking, useTitleBadge } from './notify';
import { QuietLine } from './QuietLine';

const AgentsPage = lazy(() => import('./agents/AgentsPage'));
const AgentPage = lazy(() => import('./agents/AgentPage'));
const SettingsPage = lazy(() => import('./settings/SettingsPage'));

export function Home({ user }: { user: string }) {
  const page = usePage();
  const t = useT();
  useFeed(
    user,
    useCallback((frame: Frame) => void notifyOf(frame), []),
  );
  useEffect(resumeDeletions, []);
  useLooking();
  useTitleBadge();
  const isNew = useIsNew();
  return (
    <div className={classes.home} data-page={page.page === 'home' && isNew ? 'welcome' : page.page}>
      <QuietLine />
      <Sidebar />
      <main className={classes.main}>
        <ErrorBoundary key={location.pathname} fallback={<Broken />}>
          <Suspense fallback={<Loader className={classes.loader} aria-label={t('loading')} />}>
            <Shown page={page} />
          </Suspense>
        </ErrorBoundary>
      </main>
    </div>
  );
}

function Shown({ page }: { page: Page }) {
  switch (page.page) {
    case 'chat':
      return (
        <ChatPage key={page.sessionId} sessionId={page.sessionId} messageId={page.messageId} />
      );
    case 'agents':
      return <AgentsPage />;
    case 'agent':
      return <AgentPage key={page.agentId} agentId={page.agentId} />;
    case 'settings':
      return <SettingsPage />;
    case 'home':
      return <NothingChosen />;
  }
}

/** After a new release, its old parts are gone: only a reload brings the new ones. */
function Broken() {
  const t = useT();
  return (
    <Notice text={t('broken')}>
      <Button onClick={() => location.reload()}>{t('reload')}</Button>
      <Button variant="default" onClick={() => go('/')}>
        {t('back')}
      </Button>
    </Notice>
  );
}
