/**
 * The rhythm of a reply's bubbles: a bubble is shown no sooner than its delay after the one before
 * it. Pure; only the newest turn has a rhythm, whatever is older is simply there.
 */

export interface Arrival {
  /** How long before it the agent would have typed; null while only pieces of it are known. */
  readonly delayMs: number | null;
}

/** When (ms) each bubble of a turn was shown. */
export interface Stage {
  readonly turnId: string;
  readonly shownAt: readonly number[];
}

/** Before its delay is told, a bubble waits this long. */
export const HOLD_MS = 500;
/** Nobody waits longer for words that are already there. */
export const DELAY_MS_MAX = 2_000;

/** The stage at `now`, and when the next bubble is due (null: all are shown). */
export function staged(
  before: Stage | null,
  turnId: string,
  arrivals: readonly Arrival[],
  now: number,
): { readonly stage: Stage; readonly nextAt: number | null } {
  const stage = before?.turnId === turnId ? before : { turnId, shownAt: [] };
  const shownAt = [...stage.shownAt];
  for (const [place, { delayMs }] of arrivals.entries()) {
    if (place < shownAt.length) continue;
    const previous = shownAt.at(-1);
    const due =
      previous === undefined ? now : previous + Math.min(delayMs ?? HOLD_MS, DELAY_MS_MAX);
    if (due > now) return { stage: kept(stage, shownAt), nextAt: due };
    shownAt.push(now);
  }
  return { stage: kept(stage, shownAt), nextAt: null };
}

function kept(stage: Stage, shownAt: readonly number[]): Stage {
  return shownAt.length === stage.shownAt.length ? stage : { ...stage, shownAt };
}
