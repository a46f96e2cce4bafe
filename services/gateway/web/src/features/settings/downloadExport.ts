import { authorisedFetch } from '@/api/client';
import { problemOf } from '@/api/problem';

/** Have the browser save everything of the user's as one file. Raises `Problem`. */
export async function downloadExport(): Promise<void> {
  const response = await authorisedFetch(new Request('/api/export/'));
  if (!response.ok) throw problemOf(response, await response.json().catch(() => undefined));
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement('a');
  link.href = url;
  link.download = `lingxi-${new Date().toISOString().slice(0, 10)}.json`;
  link.click();
  // The browser has begun to read it by then.
  window.setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
