/**
 * Calls of the companion that the document does not describe yet.
 * Where a server does not know a route, there is nothing to show: 404 is null.
 */
import { authorisedFetch } from './client';
import { problemOf } from './problem';

/** A JSON call below `/api/`; null for 404. Raises `Problem`. */
export async function call<T>(method: string, path: string, body?: unknown): Promise<T | null> {
  const request = new Request(`/api/${path}`, {
    method,
    ...(body !== undefined && {
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    }),
  });
  const response = await authorisedFetch(request);
  if (response.status === 404) return null;
  const told = response.status === 204 ? undefined : await response.json().catch(() => undefined);
  if (!response.ok) throw problemOf(response, told);
  return told as T;
}
