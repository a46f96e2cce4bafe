import { Title } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './Page.module.css';

/** A group of things on a page that belong together. */
export function Section(props: { title: string; isDanger?: boolean; children: ReactNode }) {
  return (
    <section className={classes.section} data-danger={props.isDanger || undefined}>
      <Title order={3} size="h5">
        {props.title}
      </Title>
      {props.children}
    </section>
  );
}
