import { useEffect } from 'react';

const NAME = 'messages-shown';

/** Marks, once a page, when the first messages stood: what loading a conversation is measured by. */
export function useMark(): void {
  useEffect(() => {
    if (performance.getEntriesByName(NAME).length === 0) performance.mark(NAME);
  }, []);
}
