import type { Message } from '@/api/types';
import { useT } from '@/i18n';

interface Props {
  readonly agent: string;
  readonly messages: readonly Message[];
  /** Messages up to this seq were there before. */
  readonly since: number;
}

/** What screen readers say: each of the agent's messages once it is complete, not its pieces. */
export function Spoken({ agent, messages, since }: Props) {
  const t = useT();
  const last = messages.findLast((message) => message.is_agent && message.seq > since);
  return (
    <div className="hidden" aria-live="polite" data-testid="spoken">
      {last && t('says', { agent, text: last.message })}
    </div>
  );
}
