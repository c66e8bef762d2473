import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { nodeHost } from './node-host.ts';

describe('a timer', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  const MONTH_MS = 30 * 86_400_000;

  it('may be longer than those of Node', () => {
    const run = vi.fn();
    nodeHost.clock.schedule(MONTH_MS, run);
    vi.advanceTimersByTime(MONTH_MS - 1);
    expect(run).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(run).toHaveBeenCalledOnce();
  });

  it('can be cancelled at any time', () => {
    const run = vi.fn();
    const timer = nodeHost.clock.schedule(MONTH_MS, run);
    vi.advanceTimersByTime(MONTH_MS - 1);
    timer.cancel();
    vi.advanceTimersByTime(MONTH_MS);
    expect(run).not.toHaveBeenCalled();
  });
});
