import { useMemo } from 'react';
import { useT } from '@/i18n';
import { diff } from '@/state/diff';
import classes from './DiffView.module.css';

/** Two texts in one: what went is struck through, what came is underlined. */
export function DiffView({ before, after }: { before: string; after: string }) {
  const t = useT();
  const parts = useMemo(() => diff(before, after), [before, after]);
  if (parts.every((part) => part.kind === 'same') && after !== '') {
    return <p className={classes.diff}>{t('unchanged')}</p>;
  }
  return (
    <p className={classes.diff} dir="auto" tabIndex={0}>
      {parts.map((part, place) => {
        const key = `${place}`;
        if (part.kind === 'same') return <span key={key}>{part.text}</span>;
        return part.kind === 'added' ? (
          <ins key={key}>{part.text}</ins>
        ) : (
          <del key={key}>{part.text}</del>
        );
      })}
    </p>
  );
}
