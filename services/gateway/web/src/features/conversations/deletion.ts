/**
 * Deleting a conversation: it leaves at once, and is deleted for good when nobody undid it.
 *
 * The wish is kept in the browser's storage until the server has answered: where a page ends before
 * that (on a phone without a word), the next one sees it through.
 */
import { answer, api } from '@/api/client';
import { asProblem } from '@/api/problem';
import { currentUser, readTokens } from '@/api/tokens';
import { t } from '@/i18n';
import { createStore, useStore } from '@/state/store';
import { toast } from '@/ui/toasts';

const UNDO_MS = 6_000;
const PREFIX = 'lingxi.deletion.';
const keyOf = (id: string) => `${PREFIX}${currentUser()}.${id}`;

const store = createStore<ReadonlySet<string>>(new Set());
const timers = new Map<string, number>();

/** The conversations that are about to be deleted. */
export function useLeaving(): ReadonlySet<string> {
  return useStore(store, (ids) => ids);
}

/** Delete it in six seconds, unless that is undone. */
export function deleteSoon(id: string, title: string): void {
  localStorage.setItem(keyOf(id), '');
  leave(id);
  toast(t('conversationDeleted', { title }), {
    action: { label: t('undo'), run: () => undo(id) },
    shownMs: UNDO_MS,
  });
}

/** See through what a page before this one was to delete. */
export function resumeDeletions(): void {
  const prefix = keyOf('');
  const kept = Object.keys(localStorage).filter((key) => key.startsWith(prefix));
  for (const key of kept) leave(key.slice(prefix.length));
}

function leave(id: string): void {
  store.set((ids) => new Set(ids).add(id));
  clearTimeout(timers.get(id));
  timers.set(
    id,
    window.setTimeout(() => void deleteNow(id), UNDO_MS),
  );
}

function undo(id: string): void {
  localStorage.removeItem(keyOf(id));
  clearTimeout(timers.get(id));
  timers.delete(id);
  store.set((ids) => new Set([...ids].filter((one) => one !== id)));
}

/** Delete what waits to be undone: the login that may do it ends. */
export async function deleteAllNow(): Promise<void> {
  await Promise.all([...timers.keys()].map(deleteNow));
}

async function deleteNow(id: string): Promise<void> {
  clearTimeout(timers.get(id));
  timers.delete(id);
  if (localStorage.getItem(keyOf(id)) === null) return undo(id); // as another tab did
  try {
    await answer(
      api.DELETE('/api/sessions/{session_id}/', { params: { path: { session_id: id } } }),
    );
  } catch (error) {
    const problem = asProblem(error);
    if (problem.status === 404) return; // it is gone, which was the wish
    undo(id);
    toast(t('failed', { detail: problem.message }), { kind: 'error' });
  } finally {
    localStorage.removeItem(keyOf(id));
  }
}

// Whoever leaves the page has not undone it: what waits is sent now, outliving the page.
addEventListener('pagehide', () => {
  const access = readTokens()?.access;
  for (const id of access ? timers.keys() : []) {
    void fetch(`/api/sessions/${id}/`, {
      method: 'DELETE',
      headers: { Authorization: `Bearer ${access}` },
      keepalive: true,
    });
  }
});
