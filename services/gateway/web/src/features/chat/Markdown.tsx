/**
 * What an agent wrote, as Markdown. Raw HTML is text here, links lead to http(s) and mail alone,
 * and pictures are links: nothing is loaded from elsewhere by reading a message.
 */
import { lazy, memo, type ReactNode, Suspense } from 'react';
import ReactMarkdown, { type Components } from 'react-markdown';
import remarkGfm from 'remark-gfm';
import classes from './Markdown.module.css';

/** Code without colours where those can't be loaded. */
const Code = lazy(() => import('./Code').catch(() => ({ default: Plain })));

const PLUGINS = [remarkGfm];
const COMPONENTS: Components = {
  a: ({ href, children }) => (href ? <Out href={href}>{children}</Out> : children),
  img: ({ src, alt }) =>
    typeof src === 'string' && src ? <Out href={src}>{alt || src}</Out> : null,
  pre: ({ children }) => <>{children}</>,
  code: ({ className, children }) => {
    const text = String(children);
    const language = /language-(\S+)/.exec(className ?? '')?.[1];
    if (language === undefined && !text.includes('\n')) return <code>{text}</code>;
    return (
      <pre tabIndex={0}>
        <Suspense fallback={<Plain text={text} />}>
          <Code text={text} language={language} />
        </Suspense>
      </pre>
    );
  },
  table: ({ children }) => (
    <div className={classes.wide} tabIndex={0}>
      <table>{children}</table>
    </div>
  ),
};

function Plain({ text }: { text: string; language?: string | undefined }) {
  return <code>{text}</code>;
}

function Out({ href, children }: { href: string; children: ReactNode }) {
  return (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  );
}

export const Markdown = memo(function Markdown({ text }: { text: string }) {
  return (
    <div className={classes.markdown}>
      <ReactMarkdown remarkPlugins={PLUGINS} components={COMPONENTS}>
        {text}
      </ReactMarkdown>
    </div>
  );
});
