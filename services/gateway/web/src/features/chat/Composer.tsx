import { Textarea } from '@mantine/core';
import { type KeyboardEvent, useEffect, useRef, useState } from 'react';
import type { Message, Session } from '@/api/types';
import { useT } from '@/i18n';
import { readDraft, writeDraft } from '@/state/local';
import { IconButton } from '@/ui/IconButton';
import classes from './Composer.module.css';
import { tellTyping } from './turnActions';

const MESSAGE_CHARS_MAX = 32_000;
/** A longer name is cut where it stands for a text: the field would grow with it. */
const NAME_CHARS_MAX = 20;
/** How often the user's other devices are told. */
const TYPING_MS = 4_000;

interface Props {
  readonly session: Session;
  /** The message that is being put in other words; null: a new one is written. */
  readonly editing: Message | null;
  readonly isOpen: boolean;
  readonly onSend: (text: string) => void;
  readonly onStop: () => void;
  readonly onCancelEdit: () => void;
  readonly onEditLast: () => void;
}

/** Where one writes. Enter sends, Shift+Enter begins a line, Escape leaves an edit. */
export function Composer(props: Props) {
  const { session, editing, isOpen, onSend, onStop, onCancelEdit, onEditLast } = props;
  const t = useT();
  const [text, setText] = useState(() => editing?.message ?? readDraft(session.id));
  const area = useRef<HTMLTextAreaElement>(null);
  const toldAt = useRef(0);
  const tooMany = Array.from(text).length - MESSAGE_CHARS_MAX;
  const canSend = text.trim() !== '' && tooMany <= 0;

  useEffect(() => {
    // On a phone the keyboard would hide half of the conversation.
    if (editing || matchMedia('(hover: hover)').matches) area.current?.focus();
  }, [editing]);

  function change(value: string) {
    setText(value);
    if (editing) return;
    writeDraft(session.id, value);
    if (value && Date.now() - toldAt.current > TYPING_MS) {
      toldAt.current = Date.now();
      tellTyping(session.id);
    }
  }

  function submit() {
    if (!canSend) return;
    onSend(text);
    toldAt.current = 0;
    if (!editing) change('');
    area.current?.focus();
  }

  function onKeyDown(event: KeyboardEvent) {
    if (event.nativeEvent.isComposing) return; // Enter chooses a character
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      submit();
    } else if (event.key === 'Escape' && editing) {
      onCancelEdit();
    } else if (event.key === 'ArrowUp' && text === '' && !editing) {
      event.preventDefault();
      onEditLast();
    }
  }

  return (
    <form
      className={classes.composer}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {editing && (
        <div className={classes.note}>
          <span>{t('editing')}</span>
          <IconButton size="sm" icon="close" label={t('cancel')} onClick={onCancelEdit} />
        </div>
      )}
      <div className={classes.row}>
        <Textarea
          ref={area}
          className={classes.text}
          aria-label={t('messageTo', { agent: session.agent_name })}
          placeholder={t('messageTo', { agent: shortened(session.agent_name) })}
          autosize
          minRows={1}
          maxRows={8}
          radius="lg"
          size="md"
          dir="auto"
          enterKeyHint="send"
          error={tooMany > 0 ? t('tooLong', { count: tooMany }) : undefined}
          value={text}
          onChange={(event) => change(event.currentTarget.value)}
          onKeyDown={onKeyDown}
        />
        {isOpen && !canSend ? (
          <IconButton
            type="button"
            icon="stop"
            label={t('stop')}
            variant="filled"
            color="dark"
            size={42}
            radius="xl"
            onClick={onStop}
          />
        ) : (
          <IconButton
            type="submit"
            icon="send"
            label={t('sendMessage')}
            variant="filled"
            color="jade"
            size={42}
            radius="xl"
            disabled={!canSend}
          />
        )}
      </div>
    </form>
  );
}

function shortened(name: string): string {
  const chars = Array.from(name);
  return chars.length > NAME_CHARS_MAX ? `${chars.slice(0, NAME_CHARS_MAX).join('')}…` : name;
}
