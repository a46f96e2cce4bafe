/** Which messages a conversation shows, and the other versions of its newest answer. Pure. */
import type { Message } from '@/api/types';

/** The turns whose answers stood in the same place, oldest first; the last one stands now. */
export type Versions = readonly string[];

/** What stands: everything that was not replaced. */
export function standing(messages: readonly Message[]): readonly Message[] {
  return messages.filter((message) => !message.superseded_by);
}

/** The versions of a turn's answer, itself last. Answers replaced by an edit are none of them. */
export function versionsOf(messages: readonly Message[], turnId: string): Versions {
  const edits = new Set(
    messages.filter((message) => message.is_user).map((message) => message.superseded_by),
  );
  const chain = [turnId];
  for (const before of replacedBy(messages, turnId, edits)) {
    if (!chain.includes(before)) chain.unshift(before);
  }
  return chain;
}

/** The turns that were replaced on the way to this one, newest first. */
function* replacedBy(
  messages: readonly Message[],
  turnId: string,
  edits: ReadonlySet<string | null | undefined>,
): Generator<string> {
  let current = turnId;
  for (let steps = 0; steps < messages.length; steps++) {
    if (edits.has(current)) return;
    const before = messages.find(
      (message) => message.is_agent && message.superseded_by === current && message.turn_id,
    );
    if (!before?.turn_id) return;
    current = before.turn_id;
    yield current;
  }
}

/** What is shown when `chosen` (a turn) is looked at in the place of `turnId`. */
export function withVersion(
  messages: readonly Message[],
  turnId: string,
  chosen: string,
): readonly Message[] {
  const shown = standing(messages);
  if (chosen === turnId) return shown;
  const at = shown.findIndex((message) => message.turn_id === turnId && message.is_agent);
  const others = messages.filter((message) => message.turn_id === chosen && message.is_agent);
  const kept = shown.filter((message) => !(message.turn_id === turnId && message.is_agent));
  return at < 0 ? shown : [...kept.slice(0, at), ...others, ...kept.slice(at)];
}

/** The turn of the newest answer when nothing was said after it. */
export function newestAnswer(shown: readonly Message[]): string | null {
  const last = shown.at(-1);
  return last?.is_agent && !last.is_agent_growth ? (last.turn_id ?? null) : null;
}
