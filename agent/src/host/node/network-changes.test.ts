import { describe, expect, it, onTestFinished } from 'vitest';
import type { HostError } from '../host.ts';
import { eventually } from '../simulated/recorder.ts';
import { onChange } from './network-changes.ts';

/** A search path on which nothing but what is given is found. */
function withPath(path: string): void {
  const before = process.env.PATH;
  process.env.PATH = path;
  onTestFinished(() => {
    process.env.PATH = before;
  });
}

// That changes are told is tested on a network that may be changed: test/e2e/networks.test.ts.
describe('onChange', () => {
  it('says when there is no iproute2', async () => {
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

  it('says nothing after it was cancelled', async () => {
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
});
