import { Button } from '@mantine/core';
import { useEffect, useState } from 'react';
import type { Message, Session } from '@/api/types';
import { useSession } from '@/features/conversations/useSessions';
import { useT } from '@/i18n';
import { go } from '@/router';
import { send } from '@/state/outbox';
import { Loading } from '@/ui/Loading';
import { Notice } from '@/ui/Notice';
import { useTask } from '@/ui/useTask';
import { ChatHeader } from './ChatHeader';
import classes from './ChatPage.module.css';
import { Composer } from './Composer';
import { MessageList } from './MessageList';
import { SuggestionBanner } from './SuggestionBanner';
import { editMessage, stopTurn } from './turnActions';
import { useThread } from './useThread';

interface Props {
  readonly sessionId: string;
  /** A message to show, from a link. */
  readonly messageId: string | null;
}

/** One conversation. */
export function ChatPage({ sessionId, messageId }: Props) {
  const t = useT();
  const { session, isGone, query } = useSession(sessionId);
  if (session === undefined) {
    if (!isGone) return <Loading query={query} />;
    return (
      <Notice text={t('notFound')}>
        <Button variant="default" onClick={() => go('/')}>
          {t('back')}
        </Button>
      </Notice>
    );
  }
  return <Chat session={session} messageId={messageId} />;
}

function Chat({ session, messageId }: { session: Session; messageId: string | null }) {
  const t = useT();
  const { thread, query, loadOlder } = useThread(session.id);
  const [editing, setEditing] = useState<Message | null>(null);
  const newest = Math.max(thread.messages.at(-1)?.seq ?? 0, session.last_message?.seq ?? 0);
  const isOpen = session.turn?.status === 'open';
  const stop = useTask(() => stopTurn(session.id));
  const edit = useTask(async (message: Message, text: string) => {
    await editMessage(session.id, message.id, text);
    setEditing(null);
  });

  useEffect(() => {
    if (editing?.superseded_by) setEditing(null);
  }, [editing]);

  return (
    <section className={classes.chat} aria-label={t('untitled', { agent: session.agent_name })}>
      <ChatHeader session={session} />
      {query.data !== undefined ? (
        <MessageList
          session={session}
          thread={thread}
          loadOlder={loadOlder}
          messageId={messageId}
          onEdit={setEditing}
        />
      ) : (
        <Loading query={query} />
      )}
      <SuggestionBanner session={session} />
      <Composer
        key={editing?.id ?? 'new'}
        session={session}
        editing={editing}
        isOpen={isOpen}
        onStop={() => void stop.run()}
        onCancelEdit={() => setEditing(null)}
        onEditLast={() => {
          const last = lastOfUser(thread.messages);
          if (last && !isOpen) setEditing(last);
        }}
        onSend={(text) => {
          if (editing) void edit.run(editing, text);
          else send(session.id, text, newest);
        }}
      />
    </section>
  );
}

/** The user's newest message, if it still stands. */
export function lastOfUser(messages: readonly Message[]): Message | undefined {
  return messages.findLast((message) => message.is_user && !message.superseded_by);
}
