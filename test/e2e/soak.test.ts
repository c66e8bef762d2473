import { expect, test } from 'vitest';
import { soak } from '../soak/soak.ts';

/** A short soak, and a shorter one without `RM_LONG`; `npm run soak` has the long one. */
const course = process.env.RM_LONG ? { reconnects: 200, seconds: 15 } : { reconnects: 40, seconds: 6 };

/** KiB by which memory may move for no reason of ours: V8's collector; the tiny runtime keeps some blocks. */
const noise = { v8: 65_536, tiny: 512 };

test.each([
  ['node', ['node', 'dist/node/rm-agent.mjs'], noise.v8],
  ['x86_64', ['dist/x86_64/rm-agent'], noise.tiny],
] as const)('memory and descriptors of agent and reflector stay: %s', async (_, agent, allowed) => {
  const figures = await soak({ agent, ...course, seed: 1 });
  for (const [measured, most] of [
    [figures.reconnects, allowed],
    [figures.agent, allowed],
    [figures.reflector, noise.v8],
  ] as const) {
    expect(measured.late.memory - measured.early.memory).toBeLessThan(most);
    expect(measured.late.descriptors).toBe(0);
  }
  expect([...figures.tally.keys()].sort()).toEqual([
    ...['abortDownload', 'abortUpload', 'converse', 'fetch', 'stallAsUser', 'stallAtDevice', 'upload'],
  ]);
});
