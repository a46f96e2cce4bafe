/** Deleting a conversation: it leaves at once, and is deleted for good when nobody undid it. */
import { answer, api } from '@/api/client';
import { asProblem } from '@/api/problem';
import { readTokens } from '@/api/tokens';
import { t } from '@/i18n';
import { createStore, useStore } from '@/state/store';
import { toast } from '@/ui/toasts';

const UNDO_MS = 6_000;

const store = createStore<ReadonlySet<string>>(new Set());
const timers = new Map<string, number>();

/** The conversations that are about to be deleted. */
export function useLeaving(): ReadonlySet<string> {
  return useStore(store, (ids) => ids);
}

/** Delete it in six seconds, unless that is undone. */
export function deleteSoon(id: string, title: string): void {
  store.set((ids) => new Set(ids).add(id));
  timers.set(
    id,
    window.setTimeout(() => void deleteNow(id), UNDO_MS),
  );
  toast(t('conversationDeleted', { title }), {
    action: { label: t('undo'), run: () => undo(id) },
    shownMs: UNDO_MS,
  });
}

function undo(id: string): void {
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
  try {
    await answer(
      api.DELETE('/api/sessions/{session_id}/', { params: { path: { session_id: id } } }),
    );
  } catch (error) {
    const problem = asProblem(error);
    if (problem.status === 404) return; // it is gone, which was the wish
    undo(id);
    toast(t('failed', { detail: problem.message }), { kind: 'error' });
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
  timers.clear();
});
