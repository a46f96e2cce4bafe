import { useState } from 'react';
import { asProblem } from '@/api/problem';
import { useT } from '@/i18n';
import { noteLimit } from '@/state/connection';
import { toast } from './toasts';

/** Something that takes a moment and may fail: `run` it; a failure is told. */
export function useTask<Arguments extends unknown[]>(work: (...given: Arguments) => Promise<void>) {
  const t = useT();
  const [busy, setBusy] = useState(false);
  const run = async (...given: Arguments): Promise<void> => {
    setBusy(true);
    try {
      await work(...given);
    } catch (error) {
      const problem = asProblem(error);
      if (problem.status === 429) noteLimit(problem.retryAfterSeconds);
      const detail = problem.status === 0 ? t('unreachable') : problem.message;
      toast(t('failed', { detail }), { kind: 'error' });
    } finally {
      setBusy(false);
    }
  };
  return { run, busy };
}
