/** Steering an agent's answers; what comes of it is told by the feed. Each raises `Problem`. */
import { answer, api } from '@/api/client';
import { noteTyping } from '@/state/liveStore';

const at = (sessionId: string) => ({ params: { path: { session_id: sessionId } } });

export async function stopTurn(sessionId: string): Promise<void> {
  await answer(api.POST('/api/sessions/{session_id}/stop/', at(sessionId)));
}

export async function retryTurn(sessionId: string): Promise<void> {
  await answer(api.POST('/api/sessions/{session_id}/retry/', at(sessionId)));
}

export async function regenerate(sessionId: string): Promise<void> {
  await answer(api.POST('/api/sessions/{session_id}/regenerate/', at(sessionId)));
}

export async function editMessage(
  sessionId: string,
  messageId: string,
  message: string,
): Promise<void> {
  const params = { path: { session_id: sessionId, message_id: messageId } };
  const call = api.PATCH('/api/sessions/{session_id}/messages/{message_id}/', {
    params,
    body: { message },
  });
  await answer(call);
}

export async function markRead(sessionId: string, upTo: string): Promise<void> {
  const body = { up_to: upTo };
  await answer(api.POST('/api/sessions/{session_id}/read/', { ...at(sessionId), body }));
}

/** Tell the user's other devices. Nobody minds when it fails. */
export function tellTyping(sessionId: string): void {
  noteTyping(sessionId);
  void api.POST('/api/sessions/{session_id}/typing/', at(sessionId)).catch(() => undefined);
}
