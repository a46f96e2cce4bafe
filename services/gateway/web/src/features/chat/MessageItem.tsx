import { memo, useState } from 'react';
import type { Message, Session } from '@/api/types';
import { useLocale, useT } from '@/i18n';
import { readHelp } from '@/state/local';
import { clock } from '@/ui/dates';
import { Icon } from '@/ui/Icon';
import { DecisionLog } from './DecisionLog';
import { Markdown } from './Markdown';
import { MessageActions } from './MessageActions';
import classes from './MessageList.module.css';

interface Props {
  readonly session: Session;
  readonly message: Message;
  readonly continues: boolean;
  readonly isLit: boolean;
  /** Of the newest answer: its versions, and which one is looked at. */
  readonly versions: readonly string[] | undefined;
  readonly chosen: string | null | undefined;
  readonly onChoose: (turnId: string) => void;
  readonly onEdit: ((message: Message) => void) | undefined;
}

/** One message. */
export const MessageItem = memo(function MessageItem(props: Props) {
  const { message, continues, isLit } = props;
  const t = useT();
  const locale = useLocale();
  return (
    <li
      className={classes.message}
      data-key={message.id}
      data-from={message.is_user ? 'user' : 'agent'}
      data-continues={continues || undefined}
      data-lit={isLit || undefined}
    >
      {message.is_agent_growth && <WroteFirst {...props} />}
      <div className={classes.bubble} dir="auto">
        {message.is_user ? (
          <p className={classes.plain}>{message.message}</p>
        ) : (
          <Markdown text={message.message} />
        )}
      </div>
      {message.critical && <Safety message={message} />}
      <div className={classes.foot}>
        <time dateTime={message.chat_date}>{clock(message.chat_date, locale)}</time>
        {message.is_user && (
          <span
            className={classes.mark}
            data-read={message.is_read || undefined}
            role="img"
            aria-label={t(message.is_read ? 'read' : 'sent')}
          >
            <Icon name={message.is_read ? 'checks' : 'check'} size={14} />
          </span>
        )}
        <MessageActions {...props} />
      </div>
    </li>
  );
});

function WroteFirst({ session, message }: Props) {
  const t = useT();
  const [asks, setAsks] = useState(false);
  return (
    <div className={classes.first}>
      <Icon name="spark" size={14} />
      <span>{t('wroteFirst', { agent: session.agent_name })}</span>
      <button type="button" onClick={() => setAsks(true)}>
        {t('whyNow')}
      </button>
      {asks && (
        <DecisionLog session={session} messageId={message.id} onClose={() => setAsks(false)} />
      )}
    </div>
  );
}

/** Where to find help, when a message was flagged. */
function Safety({ message }: { message: Message }) {
  const t = useT();
  const help = readHelp(message.critical_type ?? '');
  return (
    <aside className={classes.safety} dir="auto">
      <p>{help?.text ?? t('safety')}</p>
      {help?.links.map((link) =>
        /^https?:/.test(link) ? (
          <a key={link} href={link} target="_blank" rel="noopener noreferrer">
            {link}
          </a>
        ) : null,
      )}
    </aside>
  );
}
