import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import { type Ended, Supervisor, type WorkerProcess } from './supervisor.ts';

/** A process whose part the test plays. */
class FakeWorker implements WorkerProcess {
  readonly number: number;
  readonly serves: Promise<void>;
  readonly ended: Promise<Ended>;
  readonly signals: string[] = [];
  serve: () => void = () => {};
  #end: (ended: Ended) => void = () => {};

  constructor(number: number) {
    this.number = number;
    this.serves = new Promise((resolve) => {
      this.serve = resolve;
    });
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  signal(signal: string): void {
    this.signals.push(signal);
  }

  end(status: number | null, signal: string | null = null): void {
    this.#end({ status, signal });
  }
}

const { workerRestartMs, workerRestartMaxMs, workerSteadyMs } = defaultLimits;

describe('workers', () => {
  let clock: ManualClock;
  let started: FakeWorker[];
  let lines: string[];
  let supervisor: Supervisor;
  let status: Promise<number>;
  beforeEach(() => {
    clock = new ManualClock();
    started = [];
    lines = [];
    supervisor = new Supervisor({
      count: 2,
      start: (number) => {
        const worker = new FakeWorker(number);
        started.push(worker);
        return worker;
      },
      allServe: () => lines.push('all serve'),
      warn: (text) => lines.push(text),
      clock,
      limits: defaultLimits,
    });
    status = supervisor.run();
  });

  /** What follows from it has happened. */
  const settled = async () => {
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  };
  const serving = async () => {
    for (let number = 0; number < 2; number++) {
      started[number]?.serve();
      await settled();
    }
  };
  const numbers = () => started.map(({ number }) => number);
  const last = () => started.at(-1) as FakeWorker;

  test('are started one after the other, and end with the supervisor', async () => {
    await settled();
    expect(numbers()).toEqual([1]);
    await serving();
    expect([numbers(), lines.splice(0)]).toEqual([[1, 2], ['all serve']]);
    supervisor.signal('SIGHUP');
    supervisor.signal('SIGTERM');
    expect(started.map(({ signals }) => signals)).toEqual([
      ['SIGHUP', 'SIGTERM'],
      ['SIGHUP', 'SIGTERM'],
    ]);
    for (const worker of started) worker.end(0);
    expect(await status).toBe(0);
    expect([numbers(), lines, clock.pending]).toEqual([[1, 2], [], 0]);
  });

  test('of which the first cannot start: no other is tried', async () => {
    started[0]?.end(74);
    expect(await status).toBe(74);
    expect(numbers()).toEqual([1]);
  });

  test('of which a later one cannot start: the others end', async () => {
    started[0]?.serve();
    await settled();
    started[1]?.end(69);
    await settled();
    expect(started[0]?.signals).toEqual(['SIGTERM']);
    started[0]?.end(0);
    expect([await status, lines]).toEqual([69, []]);
  });

  test('workerRestartMs, workerRestartMaxMs: another takes the place of one that has ended, later each time', async () => {
    await serving();
    for (let waitMs = workerRestartMs; waitMs < 3 * workerRestartMaxMs; waitMs *= 2) {
      last().end(null, 'SIGKILL');
      await settled();
      const before = started.length;
      clock.advance(Math.min(waitMs, workerRestartMaxMs) - 1);
      expect(started.length).toBe(before);
      clock.advance(1);
      await settled();
      expect([started.length, last().number]).toEqual([before + 1, 2]);
    }
    expect(lines[1]).toBe('worker 2 has ended with SIGKILL: another one takes its place in 1 s');
    expect(lines.at(-1)).toContain(`in ${workerRestartMaxMs / 1000} s`);
  });

  test('workerSteadyMs: one that has worked for long is replaced soon', async () => {
    await serving();
    last().end(1);
    await settled();
    clock.advance(workerRestartMs);
    await settled();
    clock.advance(workerSteadyMs);
    last().end(1);
    await settled();
    expect(lines.at(-1)).toBe('worker 2 has ended with status 1: another one takes its place in 1 s');
  });

  test('that cannot go on as they are configured end all', async () => {
    await serving();
    last().end(78);
    await settled();
    expect(started[0]?.signals).toEqual(['SIGTERM']);
    started[0]?.end(0);
    expect([await status, lines]).toEqual([78, ['all serve']]);
  });

  test('that wait for their turn do not start when all end', async () => {
    await serving();
    last().end(null, 'SIGKILL');
    await settled();
    supervisor.signal('SIGTERM');
    started[0]?.end(0);
    expect(await status).toBe(0);
    expect([numbers(), clock.pending]).toEqual([[1, 2], 0]);
  });
});
