/** The API's shapes by short names, all from the generated `schema.d.ts`. */
import type { components } from './schema';

type Schemas = components['schemas'];

export type Message = Schemas['Message'];
export type Session = Schemas['Session'];
export type Turn = Schemas['Turn'];
export type FailureCode = NonNullable<Turn['code']>;
export type Agent = Schemas['Agent'];
export type AgentTimings = Schemas['AgentTimings'];
export type LedgerEntry = Schemas['LedgerEntry'];
export type Me = Schemas['MeOut'];
export type Frames = Schemas['Frames'];
export type Evidence = Schemas['Evidence'];

export interface Suggestion {
  readonly id: string;
  readonly should_update: boolean;
  readonly reason: string;
  readonly suggested_personality: string;
  readonly confidence: number;
  readonly based_on_version: number;
  readonly evidence: readonly Evidence[];
}

export interface Memory {
  readonly id: string;
  readonly text: string;
  readonly evidence: readonly Evidence[];
  readonly created_at: string;
  readonly updated_at: string;
}

export interface Decision {
  readonly id: string;
  readonly at: string;
  readonly outcome: 'sent' | 'skipped' | 'expired' | 'failed';
  readonly gate?: string | null;
  readonly reason: string;
  readonly message_id?: string | null;
  readonly next_at?: string | null;
}

export interface Link {
  readonly title: string;
  readonly url: string;
}

type Told = Schemas['Told'];

/** Frames that the document does not describe yet. */
interface CompanionFrames {
  readonly summary_written: Told & { readonly title: string; readonly summary: string };
  readonly personality_suggested: Told & { readonly suggestion: Suggestion };
  readonly personality_suggestion_closed: Told & { readonly suggestion_id: string };
  readonly memory_recorded: Told & { readonly memory: Memory };
  readonly memory_changed: Told & { readonly memory: Memory };
  readonly memory_forgotten: Told & { readonly memory_id: string };
  readonly message_flagged: Told & {
    readonly message_id: string;
    readonly critical_type: string;
    readonly text: string;
    readonly links: readonly Link[];
  };
}

type AllFrames = Frames & Omit<CompanionFrames, keyof Frames>;

/** One frame of the feed: `event` says what `data` is. */
export type Frame = {
  [Name in keyof AllFrames]: { readonly event: Name; readonly data: AllFrames[Name] };
}[keyof AllFrames];
