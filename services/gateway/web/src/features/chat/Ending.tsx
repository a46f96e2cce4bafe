import { Button, Text } from '@mantine/core';
import type { FailureCode, Session, Turn } from '@/api/types';
import { type Translate, useT } from '@/i18n';
import { useConnection } from '@/state/connection';
import { discard, resend } from '@/state/outbox';
import type { Outgoing } from '@/state/outgoing';
import { useTask } from '@/ui/useTask';
import { Markdown } from './Markdown';
import classes from './MessageList.module.css';
import { retryTurn } from './turnActions';

interface Props {
  readonly session: Session;
  readonly unsent: readonly Outgoing[];
  /** Bubbles that are being said. */
  readonly saying: readonly string[];
  readonly isTyping: boolean;
  readonly userTypes: boolean;
}

/** What comes after the messages: what is on its way in either direction, and what failed. */
export function Ending({ session, unsent, saying, isTyping, userTypes }: Props) {
  const t = useT();
  return (
    <>
      {saying.map((text, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a bubble is its place
        <li key={place} className={classes.message} data-from="agent" data-live>
          <div className={classes.bubble} dir="auto">
            <Markdown text={text} />
          </div>
        </li>
      ))}
      {unsent.map((one) => (
        <Unsent key={one.key} one={one} />
      ))}
      {isTyping && (
        <li className={classes.message} data-from="agent">
          <span
            className={classes.typing}
            role="img"
            aria-label={t('typing', { agent: session.agent_name })}
          >
            <i />
            <i />
            <i />
          </span>
        </li>
      )}
      {userTypes && (
        <li className={classes.message} data-from="user">
          <Text size="xs" c="var(--quiet)">
            {t('youType')}
          </Text>
        </li>
      )}
      {session.turn?.status === 'failed' && <Failed session={session} turn={session.turn} />}
    </>
  );
}

function Unsent({ one }: { one: Outgoing }) {
  const t = useT();
  const limited = useConnection().limitedUntil > 0;
  const refused = one.status === 'refused';
  const waiting = limited ? 'waitingALittle' : 'waiting';
  return (
    <li className={classes.message} data-from="user" data-unsent>
      <div className={classes.bubble} dir="auto">
        <p className={classes.plain}>{one.text}</p>
      </div>
      <div className={classes.foot}>
        <span>
          {refused
            ? t('notSent', { detail: one.refusal ?? '' })
            : t(one.status === 'waiting' ? waiting : 'sending')}
        </span>
        {refused && (
          <>
            <Button size="compact-xs" variant="subtle" onClick={() => resend(one)}>
              {t('retry')}
            </Button>
            <Button size="compact-xs" variant="subtle" color="gray" onClick={() => discard(one)}>
              {t('discard')}
            </Button>
          </>
        )}
      </div>
    </li>
  );
}

function Failed({ session, turn }: { session: Session; turn: Turn }) {
  const t = useT();
  const retry = useTask(() => retryTurn(session.id));
  return (
    <li className={classes.message} data-from="agent">
      <div className={classes.failed} role="alert">
        <Text size="sm" fw={600}>
          {turn.code === 'stopped' ? t('stopped') : t('turnFailed', { agent: session.agent_name })}
        </Text>
        {turn.code !== 'stopped' && <Text size="sm">{reason(turn, t)}</Text>}
        <Button size="xs" variant="default" loading={retry.busy} onClick={() => void retry.run()}>
          {t('retry')}
        </Button>
      </div>
    </li>
  );
}

const REASONS: ReadonlySet<string> = new Set<FailureCode>([
  'model_rate_limited',
  'model_timeout',
  'model_unavailable',
  'model_auth',
  'model_not_found',
  'model_refused',
  'context_too_long',
  'bad_answer',
  'abandoned',
]);

function reason(turn: Turn, t: Translate): string {
  if (turn.code && REASONS.has(turn.code)) return t(turn.code);
  return turn.detail ?? '';
}
