/** Server-sent events out of text that comes in pieces of any size. */

export interface ServerEvent {
  readonly event: string;
  readonly data: string;
  readonly id?: string;
}

/** Keeps what is not complete yet; `feed` answers with the events that a piece completes. */
export class SseParser {
  #rest = '';

  feed(piece: string): ServerEvent[] {
    const blocks = (this.#rest + piece).replaceAll('\r\n', '\n').split('\n\n');
    this.#rest = blocks.pop() ?? '';
    return blocks.flatMap((block) => parsed(block));
  }
}

function parsed(block: string): ServerEvent[] {
  const fields: { event: string; data?: string; id?: string } = { event: 'message' };
  for (const line of block.split('\n')) {
    const [, name, value] = /^(event|data|id): ?(.*)$/s.exec(line) ?? [];
    if (name === 'event') fields.event = value ?? '';
    else if (name === 'id') fields.id = value;
    else if (name === 'data') {
      fields.data = fields.data === undefined ? value : `${fields.data}\n${value}`;
    }
  }
  const { event, data, id } = fields;
  return data === undefined ? [] : [id === undefined ? { event, data } : { event, data, id }];
}
