/** Saying something: returns once the message is recorded; the feed tells everything after that. */
import { authorisedFetch } from './client';
import { asProblem, problemOf } from './problem';
import { SseParser } from './sse';

export interface Accepted {
  readonly session_id: string;
  readonly user_message_id: string;
  readonly turn_id: string;
}

/** Longer without a word, and the connection is dead: the same key makes another try harmless. */
const ACCEPTED_MS_MAX = 20_000;

/**
 * Post a user's message under its key, which makes repeats harmless. The answer is asked for as a stream
 * and hung up on after its first frame, so that no connection waits for the agent.
 * Raises `Problem`.
 */
export async function say(
  user: string,
  sessionId: string,
  text: string,
  key: string,
): Promise<Accepted> {
  const hangUp = new AbortController();
  try {
    const response = await authorisedFetch(
      new Request('/api/chat/', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key },
        body: JSON.stringify({ message: text, session_id: sessionId, stream: true }),
        signal: AbortSignal.any([hangUp.signal, AbortSignal.timeout(ACCEPTED_MS_MAX)]),
      }),
      user,
    );
    if (!response.ok) throw problemOf(response, await response.json().catch(() => undefined));
    return await accepted(response);
  } catch (error) {
    throw asProblem(error);
  } finally {
    hangUp.abort();
  }
}

async function accepted(response: Response): Promise<Accepted> {
  if (response.body === null) throw problemOf(response, undefined);
  const parser = new SseParser();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw asProblem(new Error('the answer broke off'));
    const [first] = parser.feed(value);
    if (first !== undefined) return JSON.parse(first.data) as Accepted;
  }
}
