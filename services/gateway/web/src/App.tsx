/** Everything the app stands on, and the gate: somebody logged in, or the way to be. */
import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { useEffect, useSyncExternalStore } from 'react';
import { asProblem } from '@/api/problem';
import { onTokensChanged, readTokens, userOf } from '@/api/tokens';
import { AuthPage } from '@/features/auth/AuthPage';
import { Home } from '@/features/Home';
import { useLanguage } from '@/i18n';
import { theme } from './theme';
import { Toaster } from './ui/Toaster';

const TRIES_MAX = 3;
/** The feed keeps everything fresh; only a `reset` makes anything old. */
const cache = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: Number.POSITIVE_INFINITY,
      refetchOnWindowFocus: false,
      networkMode: 'always',
      retry: (failures, error) => failures < TRIES_MAX && asProblem(error).isPassing,
    },
  },
});

export function App() {
  const tokens = useSyncExternalStore(onTokensChanged, readTokens);
  const language = useLanguage();
  const user = tokens === null ? null : userOf(tokens);
  useEffect(() => {
    document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  }, [language]);
  useEffect(() => {
    if (user === null) cache.clear();
  }, [user]);
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto">
      <QueryClientProvider client={cache}>
        {user === null ? <AuthPage /> : <Home key={user} user={user} />}
        <Toaster />
      </QueryClientProvider>
    </MantineProvider>
  );
}
