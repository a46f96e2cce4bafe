import { answer, api } from '@/api/client';
import { asProblem } from '@/api/problem';
import { t } from '@/i18n';
import { go } from '@/router';
import { toast } from '@/ui/toasts';

/** Open a conversation with an agent and go there. */
export async function startConversation(agentId: string): Promise<void> {
  try {
    const body = { agent_configuration: agentId };
    const session = await answer(api.POST('/api/sessions/', { body }));
    go(`/c/${session.id}`);
  } catch (error) {
    toast(t('failed', { detail: asProblem(error).message }), { kind: 'error' });
  }
}
