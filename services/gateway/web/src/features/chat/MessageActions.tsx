import type { Message, Session } from '@/api/types';
import { useT } from '@/i18n';
import { copyText } from '@/ui/copyText';
import { IconButton } from '@/ui/IconButton';
import { toast } from '@/ui/toasts';
import { useTask } from '@/ui/useTask';
import classes from './MessageList.module.css';
import { regenerate } from './turnActions';

interface Props {
  readonly session: Session;
  readonly message: Message;
  readonly versions: readonly string[] | undefined;
  readonly chosen: string | null | undefined;
  readonly onChoose: (turnId: string) => void;
  readonly onEdit: ((message: Message) => void) | undefined;
}

/** What can be done with a message: for the mouse on hovering, for the keyboard on focus. */
export function MessageActions({ session, message, versions, chosen, onChoose, onEdit }: Props) {
  const t = useT();
  const again = useTask(() => regenerate(session.id));
  const copy = useTask(async () => {
    await copyText(message.message);
    toast(t('copied'), { shownMs: 2_000 });
  });
  const small = { size: 'sm', iconSize: 15 } as const;
  return (
    <span className={classes.actions} data-always={versions ? true : undefined}>
      {versions && versions.length > 1 && (
        <Versions versions={versions} chosen={chosen ?? ''} onChoose={onChoose} />
      )}
      <IconButton {...small} icon="copy" label={t('copy')} onClick={() => void copy.run()} />
      {onEdit && (
        <IconButton
          {...small}
          icon="edit"
          label={t('editMessage')}
          onClick={() => onEdit(message)}
        />
      )}
      {versions && (
        <IconButton
          {...small}
          icon="retry"
          label={t('regenerate')}
          loading={again.busy}
          onClick={() => void again.run()}
        />
      )}
    </span>
  );
}

interface VersionsProps {
  readonly versions: readonly string[];
  readonly chosen: string;
  readonly onChoose: (turnId: string) => void;
}

function Versions({ versions, chosen, onChoose }: VersionsProps) {
  const t = useT();
  const place = Math.max(0, versions.indexOf(chosen));
  const [before, after] = [versions[place - 1], versions[place + 1]];
  return (
    <span className={classes.versions}>
      <IconButton
        size="sm"
        iconSize={14}
        icon="back"
        label={t('previousVersion')}
        disabled={before === undefined}
        onClick={() => before && onChoose(before)}
      />
      <span>{t('version', { number: place + 1, count: versions.length })}</span>
      <IconButton
        size="sm"
        iconSize={14}
        icon="next"
        label={t('nextVersion')}
        disabled={after === undefined}
        onClick={() => after && onChoose(after)}
      />
    </span>
  );
}
