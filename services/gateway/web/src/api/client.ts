/** The one way to the API: typed calls, the login's token on each, renewed when it has ended. */
import createClient from 'openapi-fetch';
import { locked } from './locks';
import { Problem, problemOf } from './problem';
import type { paths } from './schema';
import { readTokens, type Tokens, userOf, writeTokens } from './tokens';

/**
 * `fetch` with the access token. A 401 renews the login once and tries again; a login that has
 * ended is forgotten. For `user` alone, if one is named: a 401 where that is somebody else by now.
 * Raises `Problem` where the login can't be renewed at the moment.
 */
export async function authorisedFetch(request: Request, user?: string): Promise<Response> {
  const tokens = readTokens();
  if (user !== undefined && (tokens === null || userOf(tokens) !== user)) {
    return new Response(null, { status: 401 });
  }
  const again = request.clone();
  const response = await fetch(withToken(request, tokens));
  if (response.status !== 401 || tokens === null) return response;
  const renewed = await renew(tokens);
  return renewed === null ? response : fetch(withToken(again, renewed));
}

function withToken(request: Request, tokens: Tokens | null): Request {
  if (tokens !== null) request.headers.set('Authorization', `Bearer ${tokens.access}`);
  return request;
}

/**
 * Tokens newer than `stale`, by whichever tab is first; null when the login has ended. Only the
 * server's 401 says that it has: whatever else goes wrong passes.
 */
function renew(stale: Tokens): Promise<Tokens | null> {
  return locked('lingxi.renew', async () => {
    const current = readTokens();
    if (current?.access !== stale.access) return sameUser(current, stale);
    const response = await fetch('/api/auth/refresh/', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ refresh: stale.refresh }),
    });
    if (response.status !== 401 && !response.ok) throw passing(response);
    const renewed = response.ok ? ((await response.json()) as Tokens) : null;
    const now = readTokens();
    if (now?.access !== stale.access) return sameUser(now, stale); // in or out, meanwhile
    writeTokens(renewed);
    return renewed;
  });
}

function sameUser(current: Tokens | null, stale: Tokens): Tokens | null {
  return current !== null && userOf(current) === userOf(stale) ? current : null;
}

function passing(response: Response): Problem {
  const { message, retryAfterSeconds } = problemOf(response, undefined);
  return new Problem({ status: 0, code: 'unreachable', detail: message }, retryAfterSeconds);
}

export const api = createClient<paths>({ baseUrl: location.origin, fetch: authorisedFetch });

/** What a call answers. Raises `Problem` where it is refused. */
export async function answer<T>(
  call: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) throw problemOf(response, error);
  return data as T;
}
