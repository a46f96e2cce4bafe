/** Everything the app stands on, and the gate: somebody logged in, or the way to be. */
import { MantineProvider } from '@mantine/core';
import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { asProblem } from '@/api/problem';
import { onTokensChanged, readTokens, userOf } from '@/api/tokens';
import { AuthPage } from '@/features/auth/AuthPage';
import { Home } from '@/features/Home';
import { t, useLanguage } from '@/i18n';
import { theme } from './theme';
import { Toaster } from './ui/Toaster';
import { toast } from './ui/toasts';

const PAUSE_MS_MIN = 1_000;
const PAUSE_MS_MAX = 4_000;
/** A server that breaks may do so once: it is asked so many times again. */
const BROKEN_RETRIES_MAX = 2;
/** These the page shows in its own way. */
const SHOWN_OTHERWISE = [401, 404];

/** The feed keeps everything fresh; only a `reset` makes anything old. */
function newCache(): QueryClient {
  return new QueryClient({
    queryCache: new QueryCache({
      onError: (error) => {
        const { status, message } = asProblem(error);
        if (SHOWN_OTHERWISE.includes(status)) return;
        toast(t('failed', { detail: message }), { kind: 'error' });
      },
    }),
    defaultOptions: {
      queries: {
        staleTime: Number.POSITIVE_INFINITY,
        refetchOnWindowFocus: false,
        networkMode: 'always',
        retry: (failures, error) => {
          const { isPassing, status } = asProblem(error);
          // As long as it takes: who waits sees that it is loading.
          return isPassing || (status >= 500 && failures < BROKEN_RETRIES_MAX);
        },
        retryDelay: (failures) => Math.min(PAUSE_MS_MIN * 2 ** failures, PAUSE_MS_MAX),
      },
    },
  });
}

export function App() {
  const tokens = useSyncExternalStore(onTokensChanged, readTokens);
  const language = useLanguage();
  const user = tokens === null ? null : userOf(tokens);
  useEffect(() => {
    document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  }, [language]);
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto">
      {user === null ? <AuthPage /> : <OneUser key={user} user={user} />}
      <Toaster />
    </MantineProvider>
  );
}

/** What is known of one user goes with them, whoever comes next and however soon. */
function OneUser({ user }: { user: string }) {
  const [cache] = useState(newCache);
  return (
    <QueryClientProvider client={cache}>
      <Home user={user} />
    </QueryClientProvider>
  );
}
