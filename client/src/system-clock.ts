import type { Clock } from 'rm-protocol';

export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => Date.now(),
  schedule(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};
