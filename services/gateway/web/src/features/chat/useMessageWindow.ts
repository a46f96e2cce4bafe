/**
 * Keeps the page small and the reader's place steady.
 *
 * Only a window of the messages is in the page; it moves when the reader comes near its edge.
 * Whatever is added or grows above, what the reader looks at stays where it is; at the end, the
 * view follows what comes.
 */
import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { AT_END, type Edges, edgesOf, STEP, spanOf } from '@/state/window';

const NEAR_PX = 900;
const END_PX = 60;
/** Where a message is put that the reader jumps to. */
const JUMP_PX = 80;

interface Options {
  readonly scroller: RefObject<HTMLElement | null>;
  /** Its children carry `data-key`. */
  readonly content: RefObject<HTMLElement | null>;
  /** The messages' ids in order. */
  readonly keys: readonly string[];
  readonly hasOlder: boolean;
  readonly loadOlder: () => Promise<void>;
  /** Where reading begins; null, or a message that isn't loaded: at the end. */
  readonly startAt: string | null;
}

export function useMessageWindow(options: Options) {
  const { scroller, content, keys, hasOlder, loadOlder, startAt } = options;
  const [edges, setEdges] = useState<Edges>(AT_END);
  const [atEnd, setAtEnd] = useState(true);
  const follows = useRef(true);
  /** The `scrollTop` of the end, when it was last looked at. */
  const end = useRef(0);
  /** What the reader looks at, and where it stands. */
  const anchor = useRef<{ key: string; top: number } | null>(null);
  /** A message was jumped to that isn't in the page yet: where the view stands says nothing. */
  const jumps = useRef(false);
  const span = spanOf(edges, keys);

  const settle = useCallback(() => {
    const view = scroller.current;
    if (view === null) return;
    if (follows.current) {
      const endsAt = view.scrollHeight - view.clientHeight;
      // Far above where the end was and is: the reader scrolled up, and the event is yet to come.
      if (Math.min(end.current, endsAt) - view.scrollTop >= END_PX) return;
      end.current = endsAt;
      view.scrollTop = view.scrollHeight;
      return;
    }
    const held = anchor.current;
    const element = held && content.current?.querySelector(`[data-key="${CSS.escape(held.key)}"]`);
    if (held && element) view.scrollTop += element.getBoundingClientRect().top - held.top;
  }, [scroller, content]);

  useLayoutEffect(settle);
  useLayoutEffect(() => {
    if (edges !== AT_END) jumps.current = false;
  }, [edges]);
  useLayoutEffect(() => {
    if (content.current === null || scroller.current === null) return;
    const sizes = new ResizeObserver(settle);
    sizes.observe(content.current);
    sizes.observe(scroller.current);
    return () => sizes.disconnect();
  }, [content, scroller, settle]);

  function onScroll() {
    const view = scroller.current;
    if (view === null || jumps.current) return;
    end.current = view.scrollHeight - view.clientHeight;
    const below = end.current - view.scrollTop;
    const ends = span.end === keys.length;
    follows.current = ends && below < END_PX;
    setAtEnd(follows.current);
    anchor.current = firstVisible(view, content.current);
    if (follows.current) {
      setEdges(AT_END);
    } else if (view.scrollTop < NEAR_PX) {
      if (span.start > 0) setEdges(edgesOf({ ...span, start: span.start - STEP }, keys, 'start'));
      else if (hasOlder) void loadOlder();
    } else if (below < NEAR_PX && !ends) {
      setEdges(edgesOf({ ...span, end: span.end + STEP }, keys, 'end'));
    } else if (edges.first === null) {
      setEdges(edgesOf(span, keys, 'end')); // what comes from now on pushes nothing out
    }
  }

  function toEnd() {
    follows.current = true;
    end.current = 0;
    jumps.current = false;
    setAtEnd(true);
    setEdges(AT_END);
    settle();
  }

  // Older messages came, or others were jumped to: a reader who doesn't move sees on.
  const look = useRef(onScroll);
  useLayoutEffect(() => {
    look.current = onScroll;
  });
  const oldest = keys[0];
  const seen = useRef(oldest);
  useEffect(() => {
    const came = seen.current !== oldest;
    seen.current = oldest;
    if ((came || edges !== AT_END) && !follows.current) look.current();
  }, [oldest, edges]);

  // What came may be other versions of answers alone, which aren't shown: nothing to scroll by.
  useEffect(() => {
    const isNear = scroller.current !== null && scroller.current.scrollTop < NEAR_PX;
    if (isNear && span.start === 0 && hasOlder) void loadOlder();
  });

  /** Bring a message to the top; false when it isn't loaded. */
  function toKey(key: string): boolean {
    const place = keys.indexOf(key);
    if (place < 0) return false;
    follows.current = false;
    jumps.current = true;
    setAtEnd(false);
    anchor.current = { key, top: (scroller.current?.getBoundingClientRect().top ?? 0) + JUMP_PX };
    setEdges(edgesOf({ start: place - STEP, end: place + STEP * 2 }, keys, 'start'));
    return true;
  }

  const started = useRef(false);
  useLayoutEffect(() => {
    if (!started.current && startAt !== null) toKey(startAt);
    started.current = true;
  });

  return { span, atEnd, onScroll, toEnd, toKey };
}

function firstVisible(view: HTMLElement, content: HTMLElement | null) {
  const edge = view.getBoundingClientRect().top;
  for (const child of content?.children ?? []) {
    const { top, bottom } = child.getBoundingClientRect();
    const key = child instanceof HTMLElement ? child.dataset.key : undefined;
    if (key !== undefined && bottom > edge) return { key, top };
  }
  return null;
}
