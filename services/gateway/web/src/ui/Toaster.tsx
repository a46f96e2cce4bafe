import { Button, CloseButton, Paper, Text } from '@mantine/core';
import { useT } from '@/i18n';
import classes from './Toaster.module.css';
import { closeToast, useToasts } from './toasts';

/** Shows the toasts. */
export function Toaster() {
  const toasts = useToasts();
  const t = useT();
  return (
    <div className={classes.toaster} role="status" aria-live="polite">
      {toasts.map(({ id, text, kind, action }) => (
        <Paper key={id} className={classes.toast} shadow="md" data-kind={kind} withBorder>
          <Text size="sm" className={classes.text}>
            {text}
          </Text>
          {action && (
            <Button
              size="compact-sm"
              variant="light"
              onClick={() => {
                action.run();
                closeToast(id);
              }}
            >
              {action.label}
            </Button>
          )}
          <CloseButton size="sm" aria-label={t('close')} onClick={() => closeToast(id)} />
        </Paper>
      ))}
    </div>
  );
}
