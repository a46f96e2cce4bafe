/** Tells somebody who is elsewhere: the number in the page's title, and browser notifications. */
import { useEffect } from 'react';
import type { Frame } from '@/api/types';
import icon from '@/icon.svg';
import { go } from '@/router';
import { unreadOf } from '@/state/sessions';
import { useSessions } from './conversations/useSessions';

const KEY = 'lingxi.notifications';
const BODY_CHARS_MAX = 140;

export function notificationsWanted(): boolean {
  return (
    localStorage.getItem(KEY) === 'on' &&
    'Notification' in window &&
    Notification.permission === 'granted'
  );
}

/** Switch them on or off; whether they are on now. The browser asks the user the first time. */
export async function wantNotifications(wanted: boolean): Promise<boolean> {
  localStorage.setItem(KEY, wanted ? 'on' : 'off');
  if (!wanted || !('Notification' in window)) return false;
  return (await Notification.requestPermission()) === 'granted';
}

/** A notification when an agent writes first and nobody looks. */
export function notifyOf(frame: Frame): void {
  if (frame.event !== 'message_sent' || !frame.data.message.is_agent_growth) return;
  if (document.visibilityState === 'visible' || !notificationsWanted()) return;
  const { session_id, message } = frame.data;
  // The tag makes it one notification, however many tabs are open.
  const shown = new Notification('Lingxi', {
    body: message.message.slice(0, BODY_CHARS_MAX),
    tag: message.id,
    icon,
  });
  shown.onclick = () => {
    window.focus();
    go(`/c/${session_id}`);
    shown.close();
  };
}

/** Keeps the number of unread messages in the page's title. */
export function useTitleBadge(): void {
  const { sessions } = useSessions('');
  const unread = unreadOf(sessions);
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) Lingxi` : 'Lingxi';
    return () => {
      document.title = 'Lingxi';
    };
  }, [unread]);
}
