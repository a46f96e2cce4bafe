/** Connects the feed with the cache while somebody is logged in. */
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { openSharedFeed } from '@/api/sharedFeed';
import type { ServerEvent } from '@/api/sse';
import type { Frame } from '@/api/types';
import { applyFrame, catchUp } from './applyFrame';
import { noteFeed } from './connection';
import { flushOutbox } from './outbox';

/** Follow the user's feed; `onFrame` also hears every frame. */
export function useFeed(user: string, onFrame: (frame: Frame) => void): void {
  const cache = useQueryClient();
  useEffect(() => {
    let cursor: string | undefined;
    const onEvent = (event: ServerEvent) => {
      const frame = { event: event.event, data: JSON.parse(event.data) } as Frame;
      const missed = frame.event === 'reset' || (frame.event === 'ready' && event.id !== cursor);
      cursor = event.id ?? cursor;
      if (missed) catchUp(cache);
      if (frame.event === 'ready') void flushOutbox();
      applyFrame(cache, frame);
      onFrame(frame);
    };
    const onMissed = () => catchUp(cache);
    return openSharedFeed(user, { onEvent, onState: noteFeed, onMissed });
  }, [user, cache, onFrame]);
}
