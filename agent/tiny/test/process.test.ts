import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { run, runWith, temporaryDirectory, underValgrind } from './guest.ts';

describe('processes', () => {
  const options = { timeoutMs: 120_000, maxOutputBytes: 1000 };

  it.each([
    ['its output', ['printf', 'a b'], options, { status: 0, output: 'a b', timedOut: false, error: null }],
    ['its status', ['sh', '-c', 'exit 3'], options, { status: 3, output: '', timedOut: false, error: null }],
    [
      'its signal',
      ['sh', '-c', 'kill -TERM $$'],
      options,
      { status: 143, output: '', timedOut: false, error: null },
    ],
    ['no input', ['cat'], options, { status: 0, output: '', timedOut: false, error: null }],
    [
      'no errors',
      ['sh', '-c', 'echo lost >&2'],
      options,
      { status: 0, output: '', timedOut: false, error: null },
    ],
    [
      'its output up to the bound',
      ['sh', '-c', 'head -c 300000 /dev/zero | tr "\\0" x'],
      { timeoutMs: 120_000, maxOutputBytes: 5 },
      { status: 0, output: 'xxxxx', timedOut: false, error: null },
    ],
    [
      'that its time was over, with all it had started',
      ['sh', '-c', 'echo begun; sleep 1000 | sleep 1000'],
      // A shell starts within it on a busy machine, too.
      { timeoutMs: 10_000, maxOutputBytes: 100 },
      { status: 137, output: 'begun\n', timedOut: true, error: null },
    ],
  ] as const)('tell %s', async (_name, command, { timeoutMs, maxOutputBytes }, result) => {
    const guest = run(
      (native, report, words, timeout, bound) => {
        native.processes.run(words as string[], timeout, bound, [], ({ status, output, timedOut, error }) => {
          report('done', { status, output: String.fromCharCode(...output), timedOut, error });
        });
        report('called');
      },
      [...command],
      timeoutMs,
      maxOutputBytes,
    );
    expect(await guest.finish()).toEqual([['called'], ['done', result]]);
  });

  it('tell what they say on standard error, up to its bound, where that is asked for', async () => {
    const guest = run((native, report) => {
      const script = 'echo out; echo wrong >&2; head -c 300000 /dev/zero >&2; exit 3';
      const text = (bytes: Uint8Array) => String.fromCharCode(...bytes);
      native.processes.run(
        ['sh', '-c', script],
        120_000,
        100,
        [],
        ({ status, output, errorOutput }) => {
          report('done', status, text(output), text(errorOutput));
          const running = native.processes.run(
            ['sh', '-c', 'echo wrong >&2; sleep 1000'],
            120_000,
            100,
            [],
            () => report('never'),
            100,
          );
          native.clock.schedule(50, () => running.cancel());
        },
        6,
      );
    });
    expect(await guest.finish()).toEqual([['done', 3, 'out\n', 'wrong\n']]);
  });

  // Under valgrind the C library learns of it too late, because there its vfork is a fork.
  it.skipIf(underValgrind)('tell that a program does not exist', async () => {
    const guest = run((native, report) => {
      native.processes.run(['/nonexistent/program'], 120_000, 100, [], ({ status, error }) => {
        report('done', status, error?.code, error?.message);
      });
    });
    expect(await guest.finish()).toEqual([['done', null, 'not-found', 'no such file']]);
  });

  it('get an environment that adds to the own, and no signal that is blocked', async () => {
    const guest = runWith({ environment: { KEPT: 'kept', CHANGED: 'old' } }, (native, report) => {
      native.system.onSignal('SIGTERM', () => undefined);
      const script = 'echo $KEPT $CHANGED $ADDED; grep SigBlk /proc/self/status';
      native.processes.run(
        ['sh', '-c', script],
        120_000,
        1000,
        ['CHANGED=new', 'ADDED=added'],
        ({ output }) => {
          report('done', String.fromCharCode(...output));
          native.system.exit(0);
        },
      );
    });
    const [output] = await guest.expect('done');
    expect(output).toMatch(/^kept new added\nSigBlk:\s*0+\n$/);
  });

  it('are heard of where whoever has started the agent ignored the end of children', async () => {
    const guest = runWith({ before: ['env', '--ignore-signal=CHLD'] }, (native, report) => {
      native.processes.run(['sh', '-c', 'exit 3'], 120_000, 0, [], ({ status }) => report('done', status));
    });
    expect(await guest.finish()).toEqual([['done', 3]]);
  });

  it('are not heard of once cancelled, and do not go on', async () => {
    const directory = temporaryDirectory();
    const guest = run((native, report, path) => {
      const script = `sleep 0.3; touch ${path}/after`;
      native.processes.run(['sh', '-c', script], 120_000, 100, [], () => report('done')).cancel();
      native.clock.schedule(600, () => report('later'));
    }, directory);
    expect(await guest.finish()).toEqual([['later']]);
    expect(readdirSync(directory)).toEqual([]);
  });
});
