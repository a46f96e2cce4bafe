import { useEffect, useState } from 'react';
import type { Message, Session } from '@/api/types';
import { markRead } from './turnActions';

/** Marks what the reader has before their eyes as read: at the end, in a page that is looked at. */
export function useReading(session: Session, shown: readonly Message[], atEnd: boolean): void {
  const looks = useLooks();
  const newest = shown.findLast((message) => message.is_agent)?.id;
  const unread = session.unread_count > 0;
  useEffect(() => {
    if (!looks || !atEnd || !unread || newest === undefined) return;
    // A moment later: a burst of bubbles is one mark.
    const timer = window.setTimeout(() => {
      markRead(session.id, newest).catch(() => undefined); // the next message tries again
    }, 300);
    return () => clearTimeout(timer);
  }, [session.id, looks, atEnd, unread, newest]);
}

/** Whether somebody looks at the page. */
function useLooks(): boolean {
  const [looks, setLooks] = useState(() => document.visibilityState === 'visible');
  useEffect(() => {
    const look = () => setLooks(document.visibilityState === 'visible');
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, []);
  return looks;
}
