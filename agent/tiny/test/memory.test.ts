import { expect, it } from 'vitest';
import { run } from './guest.ts';

it('frees what it has used: a thousand connections and timers leave the memory as ten do', async () => {
  const guest = run((native, report) => {
    const after: number[] = [];
    let round = 0;
    const next = () => {
      round++;
      if (round === 10 || round === 1000) {
        native.collect();
        after.push(native.memoryUsed(), native.files.list('/proc/self/fd').length);
      }
      if (round === 1000) {
        report('used', ...after);
        return;
      }
      const nothing = () => undefined;
      native.network.connect(
        { address: '127.0.0.1', port: 1 },
        {
          connected: nothing,
          data: nothing,
          taken: nothing,
          ended: nothing,
          closed: () => native.clock.schedule(0, next),
        },
      );
    };
    next();
  });
  const [memory, descriptors, memoryAfter, descriptorsAfter] = (await guest.expect('used')) as number[];
  expect(memoryAfter).toBeLessThan((memory ?? 0) + 2000);
  expect(descriptorsAfter).toBe(descriptors);
});
