import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { run, runWith, temporaryDirectory } from './guest.ts';

describe('a log that nobody takes in', () => {
  it('stops nothing, as the system log, which is told how many lines it lacks', async () => {
    const program = `${temporaryDirectory()}/hung-log`;
    execFileSync('gcc', ['-O', '-o', program, fileURLToPath(new URL('hung-log.c', import.meta.url))]);
    const before = ['unshare', '--map-root-user', '--mount', program];
    const guest = runWith({ before }, ({ system, clock }, report) => {
      system.onSignal('SIGUSR1', () => {
        system.syslog(3, 'again');
        system.exit(0);
      });
      for (let i = 0; i < 5000; i++) system.syslog(6, 'lost '.repeat(300));
      report('gone on');
      clock.schedule(600_000, () => undefined);
    });
    await guest.expect('gone on');
    guest.process.kill('SIGUSR1');
    const lines = (await guest.finish()).map(([, text]) => String(text));
    const taken = lines.filter((line) => line.startsWith('<30>rm-agent: lost lost'));
    expect(taken.length).toBeGreaterThan(0);
    expect(new Set(taken.map((line) => line.length))).toEqual(new Set([1023]));
    expect(lines.slice(taken.length)).toEqual([
      `<28>rm-agent: ${5000 - taken.length} lines were left out`,
      '<27>rm-agent: again',
    ]);
  });

  it('stops nothing, as standard error, which is told how many lines it lacks', async () => {
    const guest = run(({ system, clock }, report) => {
      system.onSignal('SIGUSR1', () => {
        system.print(2, 'again\n');
        report('again');
      });
      for (let i = 0; i < 5000; i++) system.print(2, `${'lost '.repeat(200)}\n`);
      report('gone on');
      clock.schedule(600_000, () => undefined);
    });
    const errors = guest.process.stderr as Readable;
    let text = '';
    errors.pause();
    await guest.expect('gone on');
    errors.on('data', (part: string) => {
      text += part;
    });
    errors.resume();
    // The first signals may come before anything is read.
    while (!text.includes('left out')) {
      guest.process.kill('SIGUSR1');
      await guest.expect('again');
    }
    const [, lost = ''] = /^(\d+) lines were left out\nagain\n/m.exec(text) ?? [];
    const taken = text.split('\n').filter((line) => line.startsWith('lost')).length;
    expect(Number(lost)).toBeGreaterThanOrEqual(5000 - taken);
  });

  it('does not keep the process from its end', async () => {
    const guest = run(({ system, memoryLimit }) => {
      for (let i = 0; i < 5000; i++) system.print(2, `${'lost '.repeat(200)}\n`);
      memoryLimit(1);
      system.print(1, new Array(1_000_000).join());
    });
    guest.process.stderr?.pause();
    expect(await once(guest.process, 'exit')).toEqual([71, null]);
  });
});
