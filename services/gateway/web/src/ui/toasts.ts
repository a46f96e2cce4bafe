/** Short messages at the bottom of the page that go by themselves. */
import { createStore, useStore } from '@/state/store';

export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly kind: 'info' | 'error';
  readonly action?: { readonly label: string; readonly run: () => void };
}

const SHOWN_MS = 6_000;
const store = createStore<readonly Toast[]>([]);
let lastId = 0;

/** Show one; the answer takes it away. */
export function toast(
  text: string,
  options: { kind?: Toast['kind']; action?: Toast['action']; shownMs?: number } = {},
): () => void {
  const id = ++lastId;
  const close = () => store.set((all) => all.filter((one) => one.id !== id));
  const { kind = 'info', action, shownMs = SHOWN_MS } = options;
  store.set((all) => [...all, action ? { id, text, kind, action } : { id, text, kind }]);
  window.setTimeout(close, shownMs);
  return close;
}

export function closeToast(id: number): void {
  store.set((all) => all.filter((one) => one.id !== id));
}

export function useToasts(): readonly Toast[] {
  return useStore(store, (all) => all);
}
