/** Colours and shapes. Contrast of text is at least 4.5 in light and dark. */
import {
  createTheme,
  type MantineColorsTuple,
  Menu,
  Modal,
  Paper,
  SegmentedControl,
  Tabs,
} from '@mantine/core';

const jade: MantineColorsTuple = [
  '#e9f7f3',
  '#d3ede6',
  '#a5dacb',
  '#74c6af',
  '#4db597',
  '#2f9f83',
  '#1d8a70',
  '#12765f',
  '#0f6b5c',
  '#0a5347',
];

const ink: MantineColorsTuple = [
  '#e6e9ea',
  '#c5cbce',
  '#aab2b6',
  '#8b959a',
  '#5c666c',
  '#3c454a',
  '#2c3439',
  '#22292d',
  '#191f22',
  '#121719',
];

export const theme = createTheme({
  primaryColor: 'jade',
  primaryShade: { light: 8, dark: 7 },
  colors: { jade, dark: ink },
  defaultRadius: 'md',
  fontFamily:
    'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif',
  cursorType: 'pointer',
  focusRing: 'auto',
  components: {
    // Its placeholder is no menu item, which a menu must not hold.
    Menu: Menu.extend({
      defaultProps: { withInitialFocusPlaceholder: false },
      styles: {
        dropdown: { maxWidth: 'min(24rem, calc(100vw - 1rem))' },
        itemLabel: { overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' },
      },
    }),
    // A long name in it leaves room for what closes it.
    Modal: Modal.extend({ styles: { title: { overflowWrap: 'anywhere', lineHeight: 1.4 } } }),
    // The library's own greys of these stand out in the dark, or not at all.
    Paper: Paper.extend({ styles: { root: { '--paper-border-color': 'var(--line)' } } }),
    SegmentedControl: SegmentedControl.extend({ styles: { root: { background: 'var(--page)' } } }),
    Tabs: Tabs.extend({ styles: { root: { '--tab-border-color': 'var(--line)' } } }),
  },
});
