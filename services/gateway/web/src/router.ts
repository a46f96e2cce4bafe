/** Pages by path. The gateway answers every path of a page with the same document. */
import { useSyncExternalStore } from 'react';

export type Page =
  | { readonly page: 'home' }
  | { readonly page: 'chat'; readonly sessionId: string; readonly messageId: string | null }
  | { readonly page: 'agents' }
  | { readonly page: 'agent'; readonly agentId: string }
  | { readonly page: 'settings' };

/** The page of a URL's path and query. */
export function pageOf(path: string, query: string): Page {
  const [first, second] = path.split('/').filter((part) => part !== '');
  if (first === 'c' && second !== undefined) {
    return { page: 'chat', sessionId: second, messageId: new URLSearchParams(query).get('m') };
  }
  if (first === 'agents') {
    return second === undefined ? { page: 'agents' } : { page: 'agent', agentId: second };
  }
  return first === 'settings' ? { page: 'settings' } : { page: 'home' };
}

const MOVED = 'lingxi:moved';

/** Go to a page of ours. */
export function go(path: string, how: 'push' | 'replace' = 'push'): void {
  if (path === location.pathname + location.search) return;
  history[how === 'push' ? 'pushState' : 'replaceState'](null, '', path);
  dispatchEvent(new Event(MOVED));
}

function subscribe(listener: () => void): () => void {
  addEventListener('popstate', listener);
  addEventListener(MOVED, listener);
  return () => {
    removeEventListener('popstate', listener);
    removeEventListener(MOVED, listener);
  };
}

let known: { url: string; page: Page } | null = null;

function current(): Page {
  const url = location.pathname + location.search;
  if (known?.url !== url) known = { url, page: pageOf(location.pathname, location.search) };
  return known.page;
}

/** Where we are. */
export function usePage(): Page {
  return useSyncExternalStore(subscribe, current);
}
