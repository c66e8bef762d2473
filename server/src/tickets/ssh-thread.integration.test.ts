import type { PortConnection, RouteSocket } from 'rm-reflector/ports';
import { expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { serveInThread } from '../ssh-at-server/ssh-thread.ts';

test('sshPartingMs: a thread that goes on after its page has gone is ended then', async () => {
  const clock = new ManualClock();
  const page = new AbortController();
  const ends: string[] = [];
  const over = serveInThread(
    {
      socket: { close: (code: number) => ends.push(`page ${code}`) } as unknown as RouteSocket,
      // Its end is never seen.
      messages: { next: () => new Promise<never>(() => {}) },
      connection: {
        read: async function* () {},
        close: () => ends.push('device'),
      } as unknown as PortConnection,
      signal: page.signal,
    },
    { recorder: null, begun: () => {} },
    { clock, limits: { sshPartingMs: 100 } },
    (text) => ends.push(text),
  );
  page.abort();
  clock.advance(99);
  expect(ends).toEqual([]);
  clock.advance(1);
  await over;
  expect(ends).toEqual(['device', 'page 1000']);
});
