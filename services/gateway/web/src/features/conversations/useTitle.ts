import type { Session } from '@/api/types';
import { useT } from '@/i18n';

/** What a conversation is called; without a title of its own, by its agent. */
export function useTitle(session: Session): string {
  const t = useT();
  return session.title || t('untitled', { agent: session.agent_name });
}
