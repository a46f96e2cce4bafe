/**
 * What is being said right now: the pieces of a reply before its messages are told. Pure.
 *
 * 1. A higher attempt replaces what lower ones showed; lower ones are ignored.
 * 2. Offsets count code points, so a piece may come twice, or overlap, and does no harm.
 */

export interface Delta {
  readonly turn_id: string;
  readonly attempt: number;
  readonly bubble: number;
  readonly offset_chars: number;
  readonly text: string;
}

export interface LiveTurn {
  readonly turnId: string;
  readonly attempt: number;
  readonly bubbles: readonly string[];
}

/** After a piece; `turn` is null before the first. */
export function withDelta(turn: LiveTurn | null, delta: Delta): LiveTurn {
  const same = turn?.turnId === delta.turn_id;
  if (same && delta.attempt < turn.attempt) return turn;
  const bubbles = same && delta.attempt === turn.attempt ? [...turn.bubbles] : [];
  while (bubbles.length <= delta.bubble) bubbles.push('');
  bubbles[delta.bubble] = overwritten(bubbles[delta.bubble] ?? '', delta.offset_chars, delta.text);
  return { turnId: delta.turn_id, attempt: delta.attempt, bubbles };
}

/** `text` with `piece` at the offset; a gap before it (a lost piece) is closed by the message. */
function overwritten(text: string, offset: number, piece: string): string {
  const known = Array.from(text);
  const added = Array.from(piece);
  if (offset > known.length) return text;
  return [...known.slice(0, offset), ...added, ...known.slice(offset + added.length)].join('');
}
