/** What stands in the list of messages: messages, and what separates them. Pure. */
import type { Message } from '@/api/types';

export type Item =
  | { readonly kind: 'day'; readonly key: string; readonly at: string }
  | { readonly kind: 'unread'; readonly key: string }
  | {
      readonly kind: 'message';
      readonly key: string;
      readonly message: Message;
      /** Whether the same side goes on speaking, shortly after: such bubbles stand close. */
      readonly continues: boolean;
    };

/** Beyond this pause, the same side's next bubble stands apart. */
const GROUP_MS_MAX = 5 * 60_000;

/** The items of messages; the divider comes before `firstUnreadId`. */
export function itemsOf(messages: readonly Message[], firstUnreadId: string | null): Item[] {
  const items: Item[] = [];
  let before: Message | undefined;
  for (const message of messages) {
    const newDay = !before || dayOf(before) !== dayOf(message);
    if (newDay) items.push({ kind: 'day', key: `day-${message.id}`, at: message.chat_date });
    const isFirstUnread = message.id === firstUnreadId;
    if (isFirstUnread) items.push({ kind: 'unread', key: 'unread' });
    const continues =
      !newDay &&
      !isFirstUnread &&
      before?.is_user === message.is_user &&
      Date.parse(message.chat_date) - Date.parse(before.chat_date) < GROUP_MS_MAX;
    items.push({ kind: 'message', key: message.id, message, continues });
    before = message;
  }
  return items;
}

function dayOf(message: Message): string {
  return new Date(message.chat_date).toDateString();
}
