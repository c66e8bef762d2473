import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleepFor } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { RunResult } from '../src/host.ts';
import { processes } from './processes.ts';

const generous = { timeoutMs: 120_000, maxOutputBytes: 1000 };

/** Milliseconds; a shell starts within them on a busy machine, too. */
const short = 10_000;

function run(
  command: [string, ...string[]],
  options: Partial<Parameters<typeof processes.run>[1]> = {},
): Promise<RunResult> {
  return new Promise((resolve) => {
    processes.run(command, { ...generous, ...options }, resolve);
  });
}

const output = ({ output }: RunResult) => Buffer.from(output).toString();

/** A process that nobody has waited for yet is dead all the same. */
function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

describe('processes.run', () => {
  it('gives standard output and status, and no shell reads the arguments', async () => {
    const result = await run(['printf', '%s|', 'a b', '$HOME', ';', '*']);
    expect(output(result)).toBe('a b|$HOME|;|*|');
    expect(result).toMatchObject({ status: 0, timedOut: false, error: null });
  });

  it.each<[string, number]>([
    ['exit 3', 3],
    ['kill -TERM $$', 143],
    ['kill -KILL $$', 137],
  ])('%s gives status %i', async (script, status) => {
    expect((await run(['sh', '-c', script])).status).toBe(status);
  });

  it('is over when the program is, whatever that has left running', async () => {
    const result = await new Promise<RunResult>((resolve) => {
      const program = processes.run(['sh', '-c', 'sleep 1000 & echo $!'], generous, (ended) => {
        program.cancel();
        resolve(ended);
      });
    });
    const left = Number(output(result));
    expect(result).toMatchObject({ status: 0, timedOut: false });
    await sleepFor(50);
    expect(isAlive(left)).toBe(true);
    process.kill(left);
  });

  it('has all that a program has printed, as much as a pipe holds', async () => {
    const maxOutputBytes = 65_536;
    const result = await run(['sh', '-c', 'head -c 65536 /dev/zero'], { maxOutputBytes });
    expect(result.output).toHaveLength(65_536);
  });

  it('has an empty standard input and drops standard error', async () => {
    const result = await run(['sh', '-c', 'cat; echo seen; echo unseen >&2']);
    expect(output(result)).toBe('seen\n');
  });

  it('keeps standard error up to its bound where that is given', async () => {
    const script = 'echo out; echo wrong >&2; head -c 300000 /dev/zero >&2; exit 3';
    const result = await run(['sh', '-c', script], { maxErrorBytes: 6 });
    expect([output(result), Buffer.from(result.errorOutput).toString(), result.status]).toEqual([
      'out\n',
      'wrong\n',
      3,
    ]);
  });

  it('adds to the environment', async () => {
    const result = await run(['sh', '-c', 'echo $RM_TEST; [ -n "$PATH" ]'], {
      environment: { RM_TEST: 'x y' },
    });
    expect([output(result), result.status]).toEqual(['x y\n', 0]);
  });

  it('cuts the output at its bound and lets the program end', async () => {
    const result = await run(['sh', '-c', 'head -c 300000 /dev/zero; echo end'], { maxOutputBytes: 1000 });
    expect([result.output.length, result.status]).toEqual([1000, 0]);
  });

  it.each<[string, [string, ...string[]], string]>([
    ['is missing', ['/nowhere/program'], 'not-found'],
    ['may not be run', ['/etc/passwd'], 'permission'],
    ['has no name', [''], 'other'],
    ['has a NUL in its name', ['a\0b'], 'other'],
    ['has a NUL in an argument', ['echo', 'a\0b'], 'other'],
  ])('reports a program that %s', async (_name, command, code) => {
    const result = await run(command);
    expect([result.status, result.error?.code]).toEqual([null, code]);
  });

  it('kills the whole group at the time limit', async () => {
    const result = await run(['sh', '-c', 'sleep 1000 & echo $!; sleep 1000'], { timeoutMs: short });
    expect([result.status, result.timedOut]).toEqual([137, true]);
    const child = Number(output(result));
    expect(child).toBeGreaterThan(1);
    while (isAlive(child)) await sleepFor(5);
  });

  it('ends at the time limit even when something that left the group keeps the output open', async () => {
    const result = await run(['sh', '-c', 'setsid sleep 1000 & echo $!; sleep 1000'], { timeoutMs: short });
    expect(result.timedOut).toBe(true);
    const child = Number(output(result));
    expect(child).toBeGreaterThan(1);
    process.kill(child);
  });

  it('has no callback once it is cancelled, and kills', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'rm-run-')), 'pid');
    let called = false;
    const running = processes.run(['sh', '-c', 'echo $$ > "$0"; exec sleep 1000', file], generous, () => {
      called = true;
    });
    const read = () => Number(existsSync(file) && readFileSync(file, 'utf8'));
    while (read() === 0) await sleepFor(5);
    const pid = read();
    running.cancel();
    running.cancel();
    rmSync(dirname(file), { recursive: true });
    expect(pid).toBeGreaterThan(1);
    while (isAlive(pid)) await sleepFor(5);
    expect(called).toBe(false);
  });
});
