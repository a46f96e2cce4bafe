import { useT } from '@/i18n';
import { useConnection } from '@/state/connection';
import { useAgents } from './agents/useAgents';
import classes from './QuietLine.module.css';

const SIMULATOR = 'simulator';

/** One line at the top while something is not as usual. */
export function QuietLine() {
  const t = useT();
  const { feed, limitedUntil } = useConnection();
  const simulated = useAgents().agents?.some((agent) => agent.parameters.model === SIMULATOR);
  const said =
    feed === 'offline'
      ? t('offline')
      : limitedUntil > 0
        ? t('limited')
        : simulated
          ? t('simulator')
          : null;
  return (
    <div className={classes.line} role="status" data-strong={feed === 'offline' || undefined}>
      {said}
    </div>
  );
}
