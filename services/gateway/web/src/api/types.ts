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

export type Suggestion = Schemas['Suggestion'];
export type Memory = Schemas['Memory'];
export type Decision = Schemas['Decision'];

/** One frame of the feed: `event` says what `data` is. */
export type Frame = {
  [Name in keyof Frames]: { readonly event: Name; readonly data: Frames[Name] };
}[keyof Frames];
