/** Which part of a long list is in the page. Pure. Edges are keys: they stay when items come. */

/** More items are never in the page. */
export const ITEMS_MAX = 240;
/** So many at first, and while the reader follows the end. */
export const ITEMS_FIRST = 60;
/** The window moves by so many. */
export const STEP = 60;

export interface Edges {
  /** null: `ITEMS_FIRST` from the end. */
  readonly first: string | null;
  /** null: to the end, wherever that is. */
  readonly last: string | null;
}

export interface Span {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

export const AT_END: Edges = { first: null, last: null };

/** Where the edges are now; one that is gone counts as null. */
export function spanOf({ first, last }: Edges, keys: readonly string[]): Span {
  const lastAt = last === null ? -1 : keys.lastIndexOf(last);
  const end = lastAt < 0 ? keys.length : lastAt + 1;
  const firstAt = first === null ? -1 : keys.indexOf(first);
  const start = firstAt < 0 ? end - ITEMS_FIRST : firstAt;
  return { start: Math.max(0, start, end - ITEMS_MAX), end };
}

/** The edges of a span, not longer than may be; `keep` says which end of it counts. */
export function edgesOf(span: Span, keys: readonly string[], keep: 'start' | 'end'): Edges {
  let { start, end } = { start: Math.max(0, span.start), end: Math.min(keys.length, span.end) };
  if (keep === 'start') end = Math.min(end, start + ITEMS_MAX);
  else start = Math.max(start, end - ITEMS_MAX);
  return {
    first: keys[start] ?? null,
    last: end >= keys.length ? null : (keys[end - 1] ?? null),
  };
}
