/** What changed between two texts, word by word (by character in Chinese). Pure. */

export interface Part {
  readonly kind: 'same' | 'added' | 'removed';
  readonly text: string;
}

/** Beyond this many words a side, the texts are shown as replaced: the table grows by the square. */
const WORDS_MAX = 3_000;

/** The parts of both texts in reading order. */
export function diff(before: string, after: string): Part[] {
  const olds = words(before);
  const news = words(after);
  if (olds.length > WORDS_MAX || news.length > WORDS_MAX) {
    return joined([
      { kind: 'removed', text: before },
      { kind: 'added', text: after },
    ]);
  }
  const lengths = commonLengths(olds, news);
  const parts: Part[] = [];
  let [i, j] = [0, 0];
  while (i < olds.length || j < news.length) {
    const [old, fresh] = [olds[i], news[j]];
    if (old !== undefined && old === fresh) {
      parts.push({ kind: 'same', text: old });
      i++;
      j++;
    } else if (
      fresh === undefined ||
      (old !== undefined && at(lengths, i + 1, j) >= at(lengths, i, j + 1))
    ) {
      parts.push({ kind: 'removed', text: old ?? '' });
      i++;
    } else {
      parts.push({ kind: 'added', text: fresh });
      j++;
    }
  }
  return joined(parts);
}

function words(text: string): string[] {
  return text.match(/\s+|\p{sc=Han}|(?:(?!\p{sc=Han})[\p{L}\p{N}'’-])+|./gsu) ?? [];
}

type Table = { readonly cells: Uint16Array; readonly width: number };

/** Lengths of the longest common subsequences of what is left at (i, j). */
function commonLengths(olds: readonly string[], news: readonly string[]): Table {
  const width = news.length + 1;
  const cells = new Uint16Array((olds.length + 1) * width);
  for (let i = olds.length - 1; i >= 0; i--) {
    for (let j = news.length - 1; j >= 0; j--) {
      cells[i * width + j] =
        olds[i] === news[j]
          ? (cells[(i + 1) * width + j + 1] ?? 0) + 1
          : Math.max(cells[(i + 1) * width + j] ?? 0, cells[i * width + j + 1] ?? 0);
    }
  }
  return { cells, width };
}

function at(table: Table, i: number, j: number): number {
  return table.cells[i * table.width + j] ?? 0;
}

/**
 * Neighbours of one kind as one; within a change, what went before what came. A space alone
 * between two changes is part of them: it would only tear them apart.
 */
function joined(parts: readonly Part[]): Part[] {
  const merged: Part[] = [];
  let change = { removed: '', added: '' };
  const settle = () => {
    for (const kind of ['removed', 'added'] as const) {
      if (change[kind] !== '') merged.push({ kind, text: change[kind] });
    }
    change = { removed: '', added: '' };
  };
  for (const [place, { kind, text }] of parts.entries()) {
    const changes = change.removed !== '' || change.added !== '';
    const next = parts[place + 1];
    if (kind !== 'same') {
      change[kind] += text;
    } else if (changes && /^\s+$/.test(text) && next !== undefined && next.kind !== 'same') {
      change = { removed: change.removed + text, added: change.added + text };
    } else {
      settle();
      const last = merged.at(-1);
      if (last?.kind === 'same') merged[merged.length - 1] = { kind, text: last.text + text };
      else merged.push({ kind, text });
    }
  }
  settle();
  return merged.filter((part) => part.text !== '');
}
