import { expect, test } from 'vitest';
import { startMinorGc } from './minor-gc.ts';

test('the garbage of buffers stays far below the 32 MiB that V8 would let it grow to', async () => {
  const carried = startMinorGc();
  const start = process.memoryUsage().arrayBuffers;
  let peak = 0;
  let touched = 0;
  for (let i = 0; i < 4096; i++) {
    touched += Buffer.allocUnsafeSlow(65536).length;
    carried(65536);
    if (i % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
    peak = Math.max(peak, process.memoryUsage().arrayBuffers - start);
  }
  expect(touched).toBe(256 * 1024 * 1024);
  expect(peak).toBeLessThan(24 * 1024 * 1024);
});
