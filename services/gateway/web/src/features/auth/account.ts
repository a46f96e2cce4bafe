/** Logging in and out. */
import { answer, api } from '@/api/client';
import { readTokens, writeTokens } from '@/api/tokens';
import { deleteAllNow } from '@/features/conversations/deletion';
import { go } from '@/router';
import { forgetLocal } from '@/state/local';

export async function logIn(username: string, password: string): Promise<void> {
  const tokens = await answer(api.POST('/api/auth/login/', { body: { username, password } }));
  writeTokens({ access: tokens.access, refresh: tokens.refresh });
}

/** A new account, logged in; its time zone is the browser's. */
export async function register(username: string, password: string): Promise<void> {
  await answer(api.POST('/api/auth/register/', { body: { username, password } }));
  await logIn(username, password);
  const timezone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  // Only a default: the settings show it, and a zone the server doesn't know is no reason to fail.
  await api.PATCH('/api/me/', { body: { timezone } }).catch(() => undefined);
}

/** End this login; or all of the user's, on every device. */
export async function logOut(everywhere: boolean): Promise<void> {
  await deleteAllNow();
  const tokens = readTokens();
  if (tokens !== null) {
    const body = { refresh: tokens.refresh, everywhere };
    const ended = api.POST('/api/auth/logout/', { body });
    if (everywhere) await answer(ended);
    else await ended.catch(() => undefined); // without a connection this browser forgets it anyway
  }
  forgetLogin();
}

/** Forget who was logged in, and what they left behind here; but what waits to be sent. */
export function forgetLogin(): void {
  forgetLocal();
  writeTokens(null);
  go('/', 'replace');
}
