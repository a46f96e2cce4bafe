import { useEffect, useReducer, useRef } from 'react';
import type { Message } from '@/api/types';
import type { LiveTurn } from '@/state/live';
import { type Arrival, type Stage, staged } from '@/state/rhythm';

interface Shown {
  /** The messages to show. */
  readonly messages: readonly Message[];
  /** The bubbles to show that are still being said. */
  readonly saying: readonly string[];
  /** Whether more is there than is shown yet. */
  readonly holdsBack: boolean;
}

/** Lets the newest turn's bubbles appear in their rhythm; `since`: older seqs are simply there. */
export function useRhythm(
  messages: readonly Message[],
  live: LiveTurn | null,
  since: number,
): Shown {
  const stage = useRef<Stage | null>(null);
  const [, again] = useReducer((count: number) => count + 1, 0);
  const turnId = live?.turnId ?? newestTurn(messages, since);
  const told = messages.filter((message) => message.is_agent && message.turn_id === turnId);
  const live_ = live?.turnId === turnId ? live.bubbles.slice(told.length) : [];
  const arrivals: Arrival[] = [
    ...told.map((message) => ({ delayMs: message.delay_ms ?? 0 })),
    ...live_.map(() => ({ delayMs: null })),
  ];
  const isStaged = turnId !== null && (live !== null || (told[0]?.seq ?? 0) > since);
  const now = performance.now();
  const { stage: next, nextAt } =
    isStaged && !document.hidden
      ? staged(stage.current, turnId, arrivals, now)
      : { stage: null, nextAt: null };

  useEffect(() => {
    stage.current = next ?? stage.current;
    if (nextAt === null) return;
    // It may ring before its time; whatever is due then is as it was, so it is set at each look.
    const timer = window.setTimeout(again, nextAt - performance.now());
    return () => clearTimeout(timer);
  });

  if (next === null) return { messages, saying: live_, holdsBack: false };
  const count = next.shownAt.length;
  const hidden = new Set(told.slice(count).map((message) => message.id));
  return {
    messages: hidden.size === 0 ? messages : messages.filter((message) => !hidden.has(message.id)),
    saying: live_.slice(0, Math.max(0, count - told.length)),
    holdsBack: nextAt !== null,
  };
}

function newestTurn(messages: readonly Message[], since: number): string | null {
  const last = messages.at(-1);
  return last?.is_agent && last.seq > since ? (last.turn_id ?? null) : null;
}
