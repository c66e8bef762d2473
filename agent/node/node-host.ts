import type { Host } from '../src/host.ts';
import { crypto } from './crypto.ts';
import { files } from './files.ts';
import { network } from './network.ts';
import { processes } from './processes.ts';
import { system } from './system.ts';

/** Node fires a timer at once that is to wait longer, in milliseconds. */
const LONGEST_MS = 2 ** 31 - 1;

/** The machine as Node.js shows it. */
export const nodeHost: Host = {
  clock: {
    now: () => performance.now(),
    date: () => Date.now(),
    utcOffset: (dateMs) => -new Date(dateMs).getTimezoneOffset(),
    schedule: (delayMs, run) => {
      let timer: NodeJS.Timeout;
      const wait = (leftMs: number): void => {
        const partMs = Math.min(leftMs, LONGEST_MS);
        timer = setTimeout(partMs < leftMs ? () => wait(leftMs - partMs) : run, partMs);
      };
      wait(delayMs);
      return { cancel: () => clearTimeout(timer) };
    },
  },
  crypto,
  network,
  files,
  processes,
  system,
};
