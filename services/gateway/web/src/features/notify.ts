/** Tells somebody who is elsewhere: the number in the page's title, and browser notifications. */
import { useEffect } from 'react';
import { hold, isHeld } from '@/api/locks';
import type { Frame } from '@/api/types';
import icon from '@/icon.svg';
import { go } from '@/router';
import { unreadOf } from '@/state/sessions';
import { useSessions } from './conversations/useSessions';

const KEY = 'lingxi.notifications';
const BODY_CHARS_MAX = 140;
/** Held by every tab that is looked at. */
const LOOKING = 'lingxi.looking';

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

/** Lets the other tabs know while this one is looked at. */
export function useLooking(): void {
  useEffect(() => {
    let letGo = () => {};
    const change = () => {
      letGo();
      letGo = document.visibilityState === 'visible' ? hold(LOOKING) : () => {};
    };
    change();
    document.addEventListener('visibilitychange', change);
    return () => {
      document.removeEventListener('visibilitychange', change);
      letGo();
    };
  }, []);
}

/** A notification when an agent writes first and nobody looks, at whatever tab. */
export async function notifyOf(frame: Frame): Promise<void> {
  if (frame.event !== 'message_sent' || !frame.data.message.is_agent_growth) return;
  if (document.visibilityState === 'visible' || !notificationsWanted()) return;
  if (await isHeld(LOOKING)) return;
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
