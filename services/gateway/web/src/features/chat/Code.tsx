/** Code with its colours; loaded when the first code is shown. */
import { toJsxRuntime } from 'hast-util-to-jsx-runtime';
import { common, createLowlight } from 'lowlight';
import { useMemo } from 'react';
import { Fragment, jsx, jsxs } from 'react/jsx-runtime';
import classes from './Code.module.css';

const lowlight = createLowlight(common);
/** Longer code stays plain: colouring it would hold the page up. */
const CHARS_MAX = 20_000;

export default function Code({ text, language }: { text: string; language: string | undefined }) {
  const coloured = useMemo(() => {
    if (language === undefined || !lowlight.registered(language) || text.length > CHARS_MAX) {
      return text;
    }
    return toJsxRuntime(lowlight.highlight(language, text), { Fragment, jsx, jsxs });
  }, [text, language]);
  return <code className={classes.code}>{coloured}</code>;
}
