import { expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { TerminalWarnings } from './terminal-warnings.ts';

test('terminalWarnMs: of each text one line in that time, and how many there were', () => {
  const clock = new ManualClock();
  const lines: unknown[] = [];
  const log = { warn: (...given: unknown[]) => lines.push(given) };
  const warnings = new TerminalWarnings(log as never, clock, { terminalWarnMs: 60_000 });
  const of = { user: 'alice', device: 'pump', port: 22 };
  const error = new Error('cannot be written', { cause: new Error('ENOSPC') });
  for (let n = 0; n < 100; n++) warnings.warn('a terminal has ended', of, error);
  warnings.warn('another', of, 'why');
  clock.advance(60_000);
  warnings.warn('a terminal has ended', of, error);
  expect(lines).toEqual([
    [{ ...of, reason: 'cannot be written: ENOSPC' }, 'a terminal has ended'],
    [{ ...of, reason: 'why' }, 'another'],
    [{ ...of, reason: 'cannot be written: ENOSPC', more: 99 }, 'a terminal has ended'],
  ]);
});
