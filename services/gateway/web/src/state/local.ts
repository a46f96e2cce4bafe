/** What only this browser knows: drafts, and where to find help. */

const draftKey = (sessionId: string) => `lingxi.draft.${sessionId}`;

export function readDraft(sessionId: string): string {
  return localStorage.getItem(draftKey(sessionId)) ?? '';
}

export function writeDraft(sessionId: string, text: string): void {
  if (text === '') localStorage.removeItem(draftKey(sessionId));
  else localStorage.setItem(draftKey(sessionId), text);
}

/** Where to find help, in the operator's words. */
export interface Help {
  readonly text: string;
  readonly links: readonly string[];
}

const helpKey = (criticalType: string) => `lingxi.help.${criticalType}`;

/** The feed says it once, messages only that they were flagged: it is kept for later visits. */
export function keepHelp(criticalType: string, help: Help): void {
  localStorage.setItem(helpKey(criticalType), JSON.stringify(help));
}

/** What was said of messages of this kind; null: nothing, here. */
export function readHelp(criticalType: string): Help | null {
  const kept = localStorage.getItem(helpKey(criticalType));
  return kept === null ? null : (JSON.parse(kept) as Help);
}

/** Forget everything that belongs to a login. */
export function forgetLocal(): void {
  for (const key of Object.keys(localStorage)) {
    if (/^lingxi\.(draft|help)\./.test(key)) localStorage.removeItem(key);
  }
}
