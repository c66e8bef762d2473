import type { Host } from '../host.ts';
import { crypto } from './crypto.ts';
import { files } from './files.ts';
import { network } from './network.ts';
import { processes } from './processes.ts';
import { system } from './system.ts';

/** The machine as Node.js shows it. */
export const nodeHost: Host = {
  clock: {
    now: () => performance.now(),
    date: () => Date.now(),
    utcOffset: (dateMs) => -new Date(dateMs).getTimezoneOffset(),
    schedule: (delayMs, run) => {
      const timer = setTimeout(run, delayMs);
      return { cancel: () => clearTimeout(timer) };
    },
  },
  crypto,
  network,
  files,
  processes,
  system,
};
