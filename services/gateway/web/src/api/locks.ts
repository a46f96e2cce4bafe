/** Locks between tabs. Browsers have them on https and localhost only; elsewhere a tab is alone. */

/** Holds a lock that any number of tabs hold at once; the answer lets it go. */
export function hold(name: string): () => void {
  let letGo = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  if ('locks' in navigator) void navigator.locks.request(name, { mode: 'shared' }, () => held);
  return letGo;
}

/** Whether a tab holds a lock of this name. */
export async function isHeld(name: string): Promise<boolean> {
  if (!('locks' in navigator)) return false;
  const { held } = await navigator.locks.query();
  return held?.some((lock) => lock.name === name) ?? false;
}

/** Runs `work` while no other tab holds the lock of this name. */
export async function locked<T>(
  name: string,
  work: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  if (!('locks' in navigator)) return work();
  return (await navigator.locks.request(name, options, work)) as T;
}
