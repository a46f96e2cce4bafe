import { Title } from '@mantine/core';
import type { ReactNode } from 'react';
import { useT } from '@/i18n';
import { go } from '@/router';
import { IconButton } from './IconButton';
import classes from './Page.module.css';

interface Props {
  readonly title: string;
  /** Where the way back leads. */
  readonly backTo: string;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** A page beside the conversations: its title, the way back, and a column of content. */
export function Page({ title, backTo, actions, children }: Props) {
  const t = useT();
  return (
    <div className={classes.page}>
      <header className={classes.head}>
        <IconButton icon="back" label={t('back')} onClick={() => go(backTo)} />
        <Title order={2} size="h4" className={classes.title} dir="auto">
          {title}
        </Title>
        {actions}
      </header>
      <div className={classes.body}>
        <div className={classes.column}>{children}</div>
      </div>
    </div>
  );
}
