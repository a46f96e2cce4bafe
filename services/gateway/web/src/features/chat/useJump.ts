import { useEffect, useRef, useState } from 'react';
import type { Thread } from '@/state/thread';

/** Older pages are loaded to find a message, but no more than this. */
const PAGES_MAX = 50;

/** Goes to a message once, loading what lies between; answers which one to light up. */
export function useJump(
  messageId: string | null,
  thread: Thread,
  loadOlder: () => Promise<void>,
  toKey: (key: string) => boolean,
): string | null {
  const [lit, setLit] = useState<string | null>(null);
  const done = useRef<string | null>(null);
  const pages = useRef(0);
  useEffect(() => {
    if (messageId === null || done.current === messageId) return;
    if (toKey(messageId)) {
      done.current = messageId;
      setLit(messageId);
    } else if (thread.hasOlder && pages.current < PAGES_MAX) {
      pages.current += 1;
      void loadOlder();
    }
  }, [messageId, thread, loadOlder, toKey]);
  return lit;
}
