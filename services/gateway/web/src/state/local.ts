/** What only this browser knows: drafts, and small choices. */

const draftKey = (sessionId: string) => `lingxi.draft.${sessionId}`;

export function readDraft(sessionId: string): string {
  return localStorage.getItem(draftKey(sessionId)) ?? '';
}

export function writeDraft(sessionId: string, text: string): void {
  if (text === '') localStorage.removeItem(draftKey(sessionId));
  else localStorage.setItem(draftKey(sessionId), text);
}

/** Forget everything that belongs to a login. */
export function forgetDrafts(): void {
  for (const key of Object.keys(localStorage)) {
    if (key.startsWith('lingxi.draft.')) localStorage.removeItem(key);
  }
}
