/** An agent as a form holds it, and what of it has to be sent. Pure. */
import type { Agent, AgentTimings } from '@/api/types';

type Behaviour = Agent['parameters']['proactive_behavior'];

export const BEHAVIOURS: readonly Behaviour[] = ['off', 'conservative', 'balanced', 'aggressive'];
export const AUTO_APPLY_DEFAULT = 0.8;
export const INACTIVITY_DEFAULT = 5;

/** Numbers and times are texts here; an empty one means the default. */
export interface AgentDraft {
  readonly name: string;
  readonly personality: string;
  readonly model: string;
  readonly temperature: string;
  readonly behaviour: Behaviour;
  readonly autoApply: boolean;
  readonly inactivity: string;
  readonly quietFrom: string;
  readonly quietTo: string;
  readonly dailyCap: string;
}

const text = (value: number | null | undefined) => (value == null ? '' : String(value));

export const NEW_AGENT: AgentDraft = {
  name: '',
  personality: '',
  model: '',
  temperature: '',
  behaviour: 'balanced',
  autoApply: true,
  inactivity: String(INACTIVITY_DEFAULT),
  quietFrom: '',
  quietTo: '',
  dailyCap: '',
};

export function draftOf(agent: Agent): AgentDraft {
  const { parameters, timings } = agent;
  return {
    name: agent.name,
    personality: parameters.personality_prompt,
    model: parameters.model,
    temperature: text(parameters.temperature),
    behaviour: parameters.proactive_behavior,
    autoApply: parameters.auto_apply_confidence !== null,
    inactivity: text(timings?.inactivity_check_minutes ?? INACTIVITY_DEFAULT),
    quietFrom: timings?.quiet_hours?.start ?? '',
    quietTo: timings?.quiet_hours?.end ?? '',
    dailyCap: text(timings?.daily_cap),
  };
}

export interface AgentPatch {
  name?: string;
  parameters?: Record<string, string | number | null>;
  timings?: AgentTimings;
}

/** A merge patch with what differs from `before`; for a new agent, from its defaults. */
export function patchOf(before: AgentDraft, after: AgentDraft): AgentPatch {
  const differs = (...names: (keyof AgentDraft)[]) =>
    names.some((name) => before[name] !== after[name]);
  const parameters: Record<string, string | number | null> = {
    ...(differs('personality') && { personality_prompt: after.personality }),
    ...(differs('model') && { model: after.model.trim() || null }),
    ...(differs('temperature') && { temperature: number(after.temperature) }),
    ...(differs('behaviour') && { proactive_behavior: after.behaviour }),
    ...(differs('autoApply') && {
      auto_apply_confidence: after.autoApply ? AUTO_APPLY_DEFAULT : null,
    }),
  };
  return {
    ...(differs('name') && { name: after.name.trim() }),
    ...(Object.keys(parameters).length > 0 && { parameters }),
    ...(differs('inactivity', 'quietFrom', 'quietTo', 'dailyCap') && { timings: timingsOf(after) }),
  };
}

function timingsOf(draft: AgentDraft): AgentTimings {
  const { quietFrom: start, quietTo: end } = draft;
  return {
    inactivity_check_minutes: number(draft.inactivity) ?? INACTIVITY_DEFAULT,
    quiet_hours: start && end ? { start, end } : null,
    daily_cap: number(draft.dailyCap),
  };
}

function number(value: string): number | null {
  return value.trim() === '' ? null : Number(value);
}
