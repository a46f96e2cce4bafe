/**
 * What is being said right now: the pieces of a reply before its messages are told. Pure.
 *
 * 1. A higher attempt replaces what lower ones showed; lower ones are ignored.
 * 2. Offsets count code points, so a piece may come twice, or overlap, and does no harm.
 * 3. A piece behind a gap (one before it was lost) is ignored.
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

/** After a piece; null before the first, or while its beginning was not heard: its messages say it. */
export function withDelta(turn: LiveTurn | null, delta: Delta): LiveTurn | null {
  const same = turn?.turnId === delta.turn_id;
  if (same && delta.attempt < turn.attempt) return turn;
  const goesOn = same && delta.attempt === turn.attempt;
  const bubbles = goesOn ? [...turn.bubbles] : [];
  const known = Array.from(bubbles[delta.bubble] ?? '');
  if (delta.bubble > bubbles.length || delta.offset_chars > known.length) {
    return goesOn ? turn : null;
  }
  bubbles[delta.bubble] = overwritten(known, delta.offset_chars, Array.from(delta.text));
  return { turnId: delta.turn_id, attempt: delta.attempt, bubbles };
}

function overwritten(known: readonly string[], offset: number, piece: readonly string[]): string {
  return [...known.slice(0, offset), ...piece, ...known.slice(offset + piece.length)].join('');
}
