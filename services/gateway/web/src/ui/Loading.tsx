import { Button, Loader } from '@mantine/core';
import { useT } from '@/i18n';
import { Notice } from './Notice';

interface Props {
  readonly query: { readonly error: Error | null; readonly refetch: () => Promise<unknown> };
}

/** In the place of what a query has not brought yet: it is on its way, or could not be loaded. */
export function Loading({ query }: Props) {
  const t = useT();
  if (query.error === null) return <Loader m="auto" aria-label={t('loading')} />;
  return (
    <Notice text={t('notLoaded')}>
      <Button variant="default" onClick={() => void query.refetch()}>
        {t('retry')}
      </Button>
    </Notice>
  );
}
