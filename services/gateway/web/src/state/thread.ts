/**
 * The messages of one conversation that are loaded, and how frames change them. Pure.
 *
 * 1. `messages` ascend by `seq` without repeats, and nothing between two of them is missing.
 * 2. Replaced messages stay, marked by `superseded_by`: they are the other versions of an answer.
 * 3. Every fold may happen twice: the second time changes nothing.
 */
import type { Frame, Message } from '@/api/types';

export interface Thread {
  readonly messages: readonly Message[];
  /** Whether there are messages before the first. */
  readonly hasOlder: boolean;
}

export const EMPTY_THREAD: Thread = { messages: [], hasOlder: false };

/** Both together; what `newer` says about a message counts. */
export function merged(older: readonly Message[], newer: readonly Message[]): readonly Message[] {
  const byId = new Map(older.map((message) => [message.id, message]));
  for (const message of newer) byId.set(message.id, message);
  return [...byId.values()].sort((one, other) => one.seq - other.seq);
}

/** With a page of older messages before it. */
export function withOlder(thread: Thread, page: readonly Message[], hasOlder: boolean): Thread {
  return { messages: merged(page, thread.messages), hasOlder };
}

/** After a frame of its session. */
export function foldThread(thread: Thread, frame: Frame): Thread {
  switch (frame.event) {
    case 'message_posted':
    case 'message_sent':
      return withMessage(thread, frame.data.message);
    case 'turn_started':
    case 'turn_completed':
      return changed(thread, taken);
    case 'messages_read': {
      const { up_to_seq } = frame.data;
      return changed(thread, (message) =>
        message.is_agent && !message.is_read && message.seq <= up_to_seq
          ? { ...message, is_read: true }
          : message,
      );
    }
    case 'messages_superseded': {
      const replaced = new Set(frame.data.message_ids);
      const { by_turn_id } = frame.data;
      return changed(thread, (message) =>
        replaced.has(message.id) ? { ...message, superseded_by: by_turn_id } : message,
      );
    }
    case 'message_flagged': {
      const { message_id, critical_type } = frame.data;
      return changed(thread, (message) =>
        message.id === message_id ? { ...message, critical: true, critical_type } : message,
      );
    }
    default:
      return thread;
  }
}

/** A user's message is read once a turn takes it. */
function taken(message: Message): Message {
  return message.is_user && !message.is_read ? { ...message, is_read: true } : message;
}

function withMessage(thread: Thread, message: Message): Thread {
  if (thread.messages.some((known) => known.id === message.id)) return thread;
  return { ...thread, messages: merged(thread.messages, [message]) };
}

function changed(thread: Thread, change: (message: Message) => Message): Thread {
  let differs = false;
  const messages = thread.messages.map((message) => {
    const after = change(message);
    differs ||= after !== message;
    return after;
  });
  return differs ? { ...thread, messages } : thread;
}
