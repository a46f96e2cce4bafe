/** The login of this browser, shared by all of its tabs. */

export interface Tokens {
  readonly access: string;
  readonly refresh: string;
}

const KEY = 'lingxi.tokens';
const listeners = new Set<() => void>();

let cached: { text: string | null; tokens: Tokens | null } = { text: null, tokens: null };

/** The tokens; null for somebody who isn't logged in. The same object while nothing changes. */
export function readTokens(): Tokens | null {
  const text = localStorage.getItem(KEY);
  if (text !== cached.text) {
    cached = { text, tokens: text === null ? null : (JSON.parse(text) as Tokens) };
  }
  return cached.tokens;
}

/** Keep a login; null forgets it, in every tab. */
export function writeTokens(tokens: Tokens | null): void {
  if (tokens === null) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, JSON.stringify(tokens));
  for (const listener of listeners) listener();
}

/** Calls back when the tokens change, in whatever tab; the answer ends it. */
export function onTokensChanged(listener: () => void): () => void {
  const onStorage = (event: StorageEvent) => {
    if (event.key === KEY || event.key === null) listener();
  };
  listeners.add(listener);
  window.addEventListener('storage', onStorage);
  return () => {
    listeners.delete(listener);
    window.removeEventListener('storage', onStorage);
  };
}

/** Whose login this browser has; null: nobody's. */
export function currentUser(): string | null {
  const tokens = readTokens();
  return tokens && userOf(tokens);
}

/** The user's id inside an access token; it names what belongs to one user in shared storage. */
export function userOf(tokens: Tokens): string {
  try {
    const payload = tokens.access.split('.')[1] ?? '';
    const claims = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')));
    return String(claims.sub);
  } catch {
    return 'unknown';
  }
}
