import { Button, Loader, Text } from '@mantine/core';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { Message, Session } from '@/api/types';
import { useLocale, useT } from '@/i18n';
import { itemsOf } from '@/state/items';
import { useLive } from '@/state/liveStore';
import { forget, useOutbox } from '@/state/outbox';
import { notTold, settled } from '@/state/outgoing';
import type { Thread } from '@/state/thread';
import { newestAnswer, standing, versionsOf, withVersion } from '@/state/versions';
import { dayName } from '@/ui/dates';
import { IconButton } from '@/ui/IconButton';
import { lastOfUser } from './ChatPage';
import { Ending } from './Ending';
import { MessageItem } from './MessageItem';
import classes from './MessageList.module.css';
import { Spoken } from './Spoken';
import { useJump } from './useJump';
import { useMark } from './useMark';
import { useMessageWindow } from './useMessageWindow';
import { useReading } from './useReading';
import { useRhythm } from './useRhythm';

interface Props {
  readonly session: Session;
  readonly thread: Thread;
  readonly loadOlder: () => Promise<void>;
  readonly messageId: string | null;
  readonly onEdit: (message: Message) => void;
}

/** The messages, what is being said, and how the newest turn stands. */
export function MessageList({ session, thread, loadOlder, messageId, onEdit }: Props) {
  const t = useT();
  const locale = useLocale();
  const scroller = useRef<HTMLElement>(null);
  const content = useRef<HTMLOListElement>(null);
  const [since] = useState(thread.messages.at(-1)?.seq ?? 0);
  const [firstUnread] = useState(session.first_unread_id);
  const { typing, turn: live } = useLive(session.id);
  const outbox = useOutbox(session.id);

  const stands = useMemo(() => standing(thread.messages), [thread.messages]);
  const rhythm = useRhythm(stands, live, since);
  const answered = newestAnswer(stands);
  const [looked, setLooked] = useState<{ turn: string; chosen: string } | null>(null);
  const chosen = looked?.turn === answered ? (looked?.chosen ?? null) : null;
  const versions = answered === null ? [] : versionsOf(thread.messages, answered);
  const shown =
    answered !== null && chosen !== null
      ? withVersion(thread.messages, answered, chosen)
      : rhythm.messages;

  const keys = useMemo(() => shown.map((message) => message.id), [shown]);
  const view = useMessageWindow({
    scroller,
    content,
    keys,
    hasOlder: thread.hasOlder,
    loadOlder,
    startAt: messageId === null ? firstUnread : null,
  });
  const items = useMemo(
    () => itemsOf(shown.slice(view.span.start, view.span.end), firstUnread),
    [shown, view.span.start, view.span.end, firstUnread],
  );
  const unsent = notTold(outbox, thread.messages);
  useEffect(() => {
    const told = settled(outbox, thread.messages);
    if (told.length > 0) forget(told);
  });
  useReading(session, shown, view.atEnd);
  useMark();
  const lit = useJump(messageId, thread, loadOlder, view.toKey);
  const lastOwn = lastOfUser(stands)?.id;
  const isOpen = session.turn?.status === 'open';
  const unread = session.unread_count > 0 ? session.first_unread_id : null;
  const newSince = unread === firstUnread ? null : unread;
  const showsEnd = view.span.end === keys.length;

  return (
    <div className={classes.frame}>
      <section
        ref={scroller}
        className={classes.scroller}
        aria-label={t('messages')}
        tabIndex={0}
        onScroll={view.onScroll}
      >
        <ol ref={content} className={classes.list}>
          <li className={classes.edge}>
            {view.span.start > 0 || thread.hasOlder ? (
              <Loader size="xs" aria-label={t('olderLoading')} />
            ) : (
              <Text size="sm" c="var(--quiet)">
                {keys.length > 0 || unsent.length > 0
                  ? t('beginning')
                  : t('emptyConversation', { agent: session.agent_name })}
              </Text>
            )}
          </li>
          {items.map((item) => {
            if (item.kind === 'day') {
              return (
                <li key={item.key} className={classes.day}>
                  {dayName(item.at, locale, { today: t('today'), yesterday: t('yesterday') })}
                </li>
              );
            }
            if (item.kind === 'unread') {
              return (
                <li key={item.key} className={classes.unread}>
                  <span>{t('newMessages')}</span>
                </li>
              );
            }
            const { message } = item;
            const isNewest = message.id === keys.at(-1) && answered !== null && showsEnd;
            return (
              <MessageItem
                key={item.key}
                session={session}
                message={message}
                continues={item.continues}
                isLit={message.id === lit}
                versions={isNewest && !isOpen && !rhythm.holdsBack ? versions : undefined}
                chosen={isNewest ? (chosen ?? answered) : undefined}
                onChoose={(turn) => answered && setLooked({ turn: answered, chosen: turn })}
                onEdit={message.id === lastOwn && !isOpen ? onEdit : undefined}
              />
            );
          })}
          {showsEnd && (
            <Ending
              session={session}
              unsent={unsent}
              saying={rhythm.saying}
              isTyping={
                rhythm.holdsBack || (isOpen && rhythm.saying.length === 0) || typing.agent > 0
              }
              userTypes={typing.user > 0}
            />
          )}
        </ol>
      </section>
      <Spoken agent={session.agent_name} messages={rhythm.messages} since={since} />
      {!view.atEnd && (
        <div className={classes.jumps}>
          {newSince !== null && (
            <Button size="xs" radius="xl" onClick={() => view.toKey(newSince)}>
              {t('jumpToNew')}
            </Button>
          )}
          <IconButton
            icon="down"
            label={t('jumpToEnd')}
            variant="default"
            radius="xl"
            onClick={view.toEnd}
          />
        </div>
      )}
    </div>
  );
}
