import { Text } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './Notice.module.css';

/** In the place of what cannot be shown: why, and the buttons that lead on. */
export function Notice({ text, children }: { text: string; children: ReactNode }) {
  return (
    <div className={classes.notice} role="alert">
      <Text>{text}</Text>
      <div className={classes.actions}>{children}</div>
    </div>
  );
}
