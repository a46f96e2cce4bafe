import { Anchor, Group, Text } from '@mantine/core';
import type { Evidence as Source } from '@/api/types';
import { useT } from '@/i18n';
import { go } from '@/router';

/** Links to the messages that something comes from. */
export function Evidence({ evidence }: { evidence: readonly Source[] }) {
  const t = useT();
  if (evidence.length === 0) return null;
  return (
    <Group gap="xs" style={{ rowGap: 0 }}>
      <Text size="xs" c="var(--quiet)">
        {t('evidence')}:
      </Text>
      {evidence.map(({ session_id, message_id }, place) => {
        const path = `/c/${session_id}?m=${message_id}`;
        return (
          <Anchor
            key={message_id}
            size="xs"
            href={path}
            onClick={(event) => {
              event.preventDefault();
              go(path);
            }}
          >
            {t('evidenceNumber', { number: place + 1 })}
          </Anchor>
        );
      })}
    </Group>
  );
}
