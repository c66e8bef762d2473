import { once } from 'node:events';
import { hostname } from 'node:os';
import type { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { run, runWith } from './guest.ts';

describe('the system', () => {
  it('tells arguments, environment and names', async () => {
    const guest = runWith({ environment: { RM_WORD: 'größer' } }, (native, report) => {
      const { system } = native;
      report(
        'told',
        system.environment('RM_WORD'),
        system.environment('RM_NONE') === undefined,
        system.hostName(),
      );
      report('more', system.nodeId(), system.platform(), system.residentMemory() > 100_000, system.arguments);
      report('build', system.build);
    });
    const [told, more, built] = await guest.finish();
    expect(told).toEqual(['told', 'größer', true, hostname()]);
    expect(more?.[1]).toMatch(/^[0-9a-f]{12}$/);
    expect(more?.[2]).toMatch(/^Linux\/\d+\.\d+.*; \w+$/);
    expect(more?.slice(3)).toEqual([true, []]);
    expect(
      String(built?.[1])
        .split('\n')
        .map((line) => line.split(' ')[0]),
    ).toEqual([...['target', 'engine', 'tls', 'features', 'commit']]);
  });

  it.each(['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGUSR1'] as const)(
    'gets %s between two callbacks',
    async (name) => {
      const guest = run((native, report, signal) => {
        native.system.onSignal(signal, () => report('replaced'));
        native.system.onSignal(signal, () => {
          report('signal');
          native.system.exit(5);
        });
        report('ready');
        native.clock.schedule(60_000, () => undefined);
      }, name);
      await guest.expect('ready');
      guest.process.kill(name);
      await guest.expect('signal');
      expect(await guest.ending()).toEqual({ status: 5, signal: null, stderr: '' });
    },
  );

  it('prints all of a text to a reader that is slow, and lives on when nobody reads', async () => {
    const guest = run((native, report) => {
      native.system.print(1, `"${'x'.repeat(1_000_000)}"\n`);
      report('printed');
    });
    const output = guest.process.stdout as Readable;
    // What it prints is far more than a pipe holds, and is read from when there is something in it.
    output.pause();
    await once(output, 'readable');
    output.resume();
    await expect(guest.finish()).resolves.toHaveLength(2);
    const closed = run((native, _report) => {
      for (let i = 0; i < 100; i++) native.system.print(1, 'x'.repeat(10_000));
      native.system.exit(7);
    });
    closed.process.stdout?.destroy();
    expect((await closed.ending()).status).toBe(7);
  });

  it('ends at once with the status asked for', async () => {
    const guest = run((native, report) => {
      native.clock.schedule(0, () => {
        report('before');
        native.system.exit(69);
        report('after');
      });
      native.clock.schedule(1, () => report('another'));
    });
    expect(await guest.ending()).toEqual({ status: 69, signal: null, stderr: '' });
    await guest.expect('before');
    await expect(guest.expect('anything')).rejects.toThrow('no event');
  });
});

describe('a defect', () => {
  it('that throws ends the process with the trace', async () => {
    const guest = run((native) => {
      native.clock.schedule(0, function stumble() {
        throw new TypeError('no such thing');
      });
    });
    const { status, stderr } = await guest.ending();
    expect(status).toBe(70);
    expect(stderr).toMatch(/^rm-agent: defect: TypeError: no such thing\n\s+at stumble/);
  });

  it('that rejects a promise nobody handles ends the process, a handled one does not', async () => {
    const handled = run((_native, report) => {
      Promise.reject(new Error('handled')).catch(() => report('caught'));
    });
    expect(await handled.finish()).toEqual([['caught']]);
    const { status, stderr } = await run(() => {
      void Promise.reject(new Error('lost'));
    }).ending();
    expect(status).toBe(70);
    expect(stderr).toMatch(/defect: Error: lost/);
  });

  it('that fills the memory ends the process when the limit is reached', async () => {
    const guest = run((native) => {
      native.memoryLimit(4_000_000);
      const kept: Uint8Array[] = [];
      try {
        for (;;) kept.push(new Uint8Array(100_000));
      } catch {
        // Out of memory is not to be caught.
        for (;;) kept.push(new Uint8Array(100_000));
      }
    });
    const { status, stderr } = await guest.ending();
    expect(status).toBe(71);
    expect(stderr).toBe('rm-agent: memory limit of 4000000 bytes reached\n');
  });

  it('that recurses without end is thrown to the script', async () => {
    const guest = run((_native, report) => {
      const fall = (depth: number): number => fall(depth + 1) + 1;
      try {
        fall(0);
      } catch (error) {
        report('caught', (error as Error).name);
      }
    });
    expect((await guest.finish())[0]?.[0]).toBe('caught');
  });
});
