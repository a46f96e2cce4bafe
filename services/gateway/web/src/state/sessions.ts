/** A conversation as lists show it, and how frames change it. Pure; every fold may happen twice. */
import type { Frame, Message, Session, Turn } from '@/api/types';

/** The session after a frame of its own; the same object when nothing changed. */
export function foldSession(session: Session, frame: Frame): Session {
  switch (frame.event) {
    case 'message_posted':
    case 'message_sent':
      return withMessage(session, frame.data.message, frame.data.at);
    case 'messages_read':
      return withRead(session, frame.data.unread_count);
    case 'turn_started':
      return { ...session, turn: { id: frame.data.turn_id, status: 'open' } };
    case 'turn_completed':
      return isOlder(session.turn, frame.data.turn_id) ? session : { ...session, turn: null };
    case 'turn_stopped': {
      const { turn_id, message_ids } = frame.data;
      if (isOlder(session.turn, turn_id)) return session;
      if (message_ids.length > 0) return { ...session, turn: null };
      // Without a word it can be tried again, as the server has it too.
      return { ...session, turn: { id: turn_id, status: 'failed', code: 'stopped' } };
    }
    case 'turn_failed': {
      const { turn_id, code, detail, retryable } = frame.data;
      if (isOlder(session.turn, turn_id)) return session;
      return { ...session, turn: { id: turn_id, status: 'failed', code, detail, retryable } };
    }
    case 'session_renamed':
      return { ...session, title: frame.data.title };
    default:
      return session;
  }
}

/** Whether a turn ended before the one that is open now (ids ascend). */
function isOlder(turn: Turn | null, ended: string): boolean {
  return turn !== null && ended < turn.id;
}

function withMessage(session: Session, message: Message, at: string): Session {
  if (message.seq <= (session.last_message?.seq ?? 0)) return session;
  const unread = message.is_agent && !message.is_read;
  return {
    ...session,
    last_message: message,
    message_count: session.message_count + 1,
    last_activity_at: message.is_agent_growth ? session.last_activity_at : at,
    unread_count: session.unread_count + (unread ? 1 : 0),
    first_unread_id: session.first_unread_id ?? (unread ? message.id : null),
  };
}

function withRead(session: Session, unreadCount: number): Session {
  const first = unreadCount === 0 ? null : session.first_unread_id;
  return { ...session, unread_count: unreadCount, first_unread_id: first };
}

/** By activity, newest first; each session once, as it came first. */
export function byActivity(sessions: readonly Session[]): Session[] {
  const byId = new Map<string, Session>();
  for (const session of sessions) if (!byId.has(session.id)) byId.set(session.id, session);
  return [...byId.values()].sort((one, other) =>
    other.last_activity_at.localeCompare(one.last_activity_at),
  );
}

/** How many of the agents' messages wait to be read. */
export function unreadOf(sessions: readonly Session[]): number {
  return sessions.reduce((sum, session) => sum + session.unread_count, 0);
}
