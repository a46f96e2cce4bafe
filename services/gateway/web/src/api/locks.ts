/** Locks between tabs. Browsers have them on https and localhost only; elsewhere a tab is alone. */

/** Runs `work` while no other tab holds the lock of this name. */
export async function locked<T>(
  name: string,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  if (!('locks' in navigator)) return work();
  const held = signal
    ? navigator.locks.request(name, { signal }, work)
    : navigator.locks.request(name, work);
  return (await held) as T;
}
