import { QueryClient, QueryObserver } from '@tanstack/react-query';
import { expect, it, vi } from 'vitest';
import { again } from './applyFrame';

it('asks once more after a first answer that was on its way already', async () => {
  const cache = new QueryClient();
  const asked: ((answer: string) => void)[] = [];
  const observer = new QueryObserver(cache, {
    queryKey: ['thread'],
    queryFn: () => new Promise<string>((answer) => asked.push(answer)),
  });
  const end = observer.subscribe(() => undefined);
  again(cache, []);
  again(cache, ['thread']);
  expect(asked.length).toBe(1);
  asked[0]?.('old');
  await vi.waitFor(() => expect(asked.length).toBe(2));
  expect(cache.getQueryData(['thread'])).toBe('old');
  asked[1]?.('new');
  await vi.waitFor(() => expect(cache.getQueryData(['thread'])).toBe('new'));
  expect(asked.length).toBe(2);
  end();
});
