import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../simulation/recorder.ts';
import type { HostError } from '../src/host.ts';
import { onChange } from './network-changes.ts';

/** A search path on which nothing but what is given is found. */
function withPath(path: string): void {
  const before = process.env.PATH;
  process.env.PATH = path;
  onTestFinished(() => {
    process.env.PATH = before;
  });
}

/** Another program in the place of `ip`; gives the path of the file to which it writes its process id. */
function withIp(script: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'rm-ip-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'pid');
  writeFileSync(join(directory, 'ip'), `#!/bin/sh\necho $$ > ${file}\n${script}\n`, { mode: 0o755 });
  withPath(`${directory}:/usr/bin:/bin`);
  return file;
}

/** Whether it has ended, be it that nobody has reaped it yet. */
const isGone = (pid: number) => {
  try {
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
};

// That changes are told is tested on a network that may be changed: test/e2e/networks.test.ts.
describe('onChange', () => {
  it('reports that there is no iproute2', async () => {
    withPath('/nonexistent');
    const failures: HostError[] = [];
    const watch = onChange(
      () => undefined,
      (error) => failures.push(error),
    );
    await eventually(() => expect(failures).toHaveLength(1));
    expect(failures[0]?.message).toMatch(/^ip monitor: /);
    watch.cancel();
  });

  it('reports nothing after it was cancelled', async () => {
    withPath('/nonexistent');
    const failures: HostError[] = [];
    onChange(
      () => undefined,
      (error) => failures.push(error),
    ).cancel();
    const later: HostError[] = [];
    onChange(
      () => undefined,
      (error) => later.push(error),
    );
    await eventually(() => expect(later).toHaveLength(1));
    expect(failures).toEqual([]);
  });

  it('ends what it has started when it is cancelled, although that ignores signals', async () => {
    const file = withIp("trap '' HUP INT TERM PIPE; while :; do sleep 1; done");
    const failures: HostError[] = [];
    const watch = onChange(
      () => undefined,
      (error) => failures.push(error),
    );
    await eventually(() => expect(readFileSync(file, 'utf8')).toMatch(/^\d+\n$/));
    const pid = Number(readFileSync(file, 'utf8'));
    expect(isGone(pid)).toBe(false);
    watch.cancel();
    await eventually(() => expect(isGone(pid)).toBe(true));
    expect(failures).toEqual([]);
  });

  it('keeps the environment of the agent from the program that watches', async () => {
    process.env.RM_TEST_SECRET = 'hunter2';
    onTestFinished(() => {
      delete process.env.RM_TEST_SECRET;
    });
    const file = withIp('env > "${0%/ip}/env"; exit 1');
    const failures: HostError[] = [];
    onChange(
      () => undefined,
      (error) => failures.push(error),
    );
    await eventually(() => expect(failures).toHaveLength(1));
    const seen = readFileSync(join(dirname(file), 'env'), 'utf8');
    expect(seen).toContain('PATH=');
    expect(seen).not.toContain('hunter2');
  });

  it('reports another ip, which cannot monitor', async () => {
    withIp('exit 1');
    const failures: HostError[] = [];
    onChange(
      () => undefined,
      (error) => failures.push(error),
    );
    await eventually(() => expect(failures).toHaveLength(1));
    expect(failures[0]?.message).toBe('ip monitor: it has ended; is there an ip of iproute2?');
  });
});
