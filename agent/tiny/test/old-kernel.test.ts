import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { runWith, temporaryDirectory } from './guest.ts';

/** A command in front of another, which refuses it what Linux 3.10 did not have yet. */
let before: string[] = [];

beforeAll(() => {
  const program = `${fileURLToPath(new URL('../../../dist/valgrind', import.meta.url))}/old-kernel`;
  execFileSync('gcc', ['-O', '-o', program, fileURLToPath(new URL('old-kernel.c', import.meta.url))]);
  before = [program];
});

describe('on a kernel that has no entropy yet', () => {
  it('it is said that random numbers are waited for, and SIGTERM ends the wait', async () => {
    const guest = runWith({ before: [...before, '--no-entropy'], plain: true }, (native, report) => {
      native.system.onSignal('SIGTERM', () => report('too late'));
      report('waits');
      native.crypto.random(new Uint8Array(1));
      report('random');
    });
    await guest.expect('waits');
    await guest.errors(/no random numbers yet/);
    guest.process.kill('SIGTERM');
    expect(await guest.ending()).toMatchObject({
      status: 71,
      stderr: expect.stringMatching(/ended before the kernel had random numbers/),
    });
  });
});

describe('on Linux 3.10', () => {
  it('there are random numbers, from the device', async () => {
    const guest = runWith({ before, plain: true }, (native, report) => {
      const zeros = (bytes: Uint8Array) => bytes.filter((byte) => byte === 0).length;
      const first = new Uint8Array(70_000);
      const second = new Uint8Array(70_000);
      native.crypto.random(first);
      native.crypto.random(second);
      report('random', zeros(first) < 1000, zeros(second) < 1000, first.join() !== second.join());
    });
    expect(await guest.finish()).toEqual([['random', true, true, true]]);
  });

  it('names are resolved, programs run, files are written and timers are kept', async () => {
    const guest = runWith(
      { before, plain: true },
      (native, report, file) => {
        native.files.writeAtomically(file, Uint8Array.from([7, 8]));
        report('file', Array.from(native.files.read(file, 2)), native.files.stat(file)?.size ?? -1);
        native.clock.schedule(1, () => {
          native.network.resolve('localhost', (addresses, error) => {
            report('resolved', addresses.length > 0, error === null);
            native.processes.run(['true'], 120_000, 10, [], ({ status }) => report('ran', status));
          });
        });
      },
      `${temporaryDirectory()}/file`,
    );
    expect(await guest.finish()).toEqual([
      ['file', [7, 8], 2],
      ['resolved', true, true],
      ['ran', 0],
    ]);
  });
});
