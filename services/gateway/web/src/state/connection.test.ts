import { expect, it, vi } from 'vitest';
import { connection, noteLimit } from './connection';

it('is limited no longer than asked for, wherever the clock is set meanwhile', () => {
  vi.stubGlobal('window', globalThis);
  vi.useFakeTimers();
  noteLimit(5);
  noteLimit(9);
  vi.setSystemTime(Date.now() - 3_600_000);
  vi.advanceTimersByTime(8_000);
  expect(connection.get().limitedUntil).toBeGreaterThan(0);
  vi.advanceTimersByTime(2_000);
  expect(connection.get().limitedUntil).toBe(0);
  vi.useRealTimers();
});
