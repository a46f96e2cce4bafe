/**
 * A button that is an icon: it has a name for everybody, and shows it on hovering; not beside the
 * menu that it opened.
 */
import { ActionIcon, type ActionIconProps, Tooltip } from '@mantine/core';
import type { ComponentProps, Ref } from 'react';
import { Icon, type IconName } from './Icon';

type Props = ActionIconProps &
  Omit<ComponentProps<'button'>, keyof ActionIconProps> & {
    icon: IconName;
    label: string;
    iconSize?: number;
    ref?: Ref<HTMLButtonElement>;
  };

export function IconButton({ icon, label, iconSize = 18, ...rest }: Props) {
  return (
    <Tooltip label={label} openDelay={500} disabled={!!rest['aria-expanded']} withinPortal>
      <ActionIcon variant="subtle" color="gray" size="lg" aria-label={label} {...rest}>
        <Icon name={icon} size={iconSize} />
      </ActionIcon>
    </Tooltip>
  );
}
