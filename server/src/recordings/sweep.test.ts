import { pino } from 'pino';
import { expect, test, vi } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { RecordingSweep } from './sweep.ts';

test('recordingSweepMs: it looks at the start, and then as often, also after it has failed', () => {
  const clock = new ManualClock();
  const swept = vi.fn(() => Promise.reject(new Error('no folder')));
  const limits = { recordingSweepMs: 1_000 };
  const sweep = new RecordingSweep({ sweep: swept }, clock, limits, pino({ level: 'silent' }));
  sweep.start();
  clock.advance(2_500);
  expect(swept).toHaveBeenCalledTimes(3);
  sweep.stop();
  clock.advance(5_000);
  expect(swept).toHaveBeenCalledTimes(3);
});
