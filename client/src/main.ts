#!/usr/bin/env node
import { fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { terminalPrompt } from './account/prompt.ts';
import { run } from './commands/run.ts';
import { defaultLimits } from './limits.ts';
import { systemClock } from './system-clock.ts';

/** Node writes to pipes synchronously, so a slow reader would block the process. A socket on the descriptor does not. */
function output(): Writable {
  const kind = fstatSync(1);
  return kind.isFIFO() || kind.isSocket()
    ? new Socket({ fd: 1, readable: false, writable: true })
    : process.stdout;
}

/** Set in the bundle of a single executable: the program is Node itself. */
declare const RM_SINGLE: boolean | undefined;

void run(process.argv.slice(2), {
  environment: process.env,
  limits: defaultLimits,
  clock: systemClock,
  ask: terminalPrompt(defaultLimits.inputBytes),
  input: () => process.stdin,
  output,
  untilSignal: () =>
    new Promise((resolve) => {
      process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve());
    }),
  self: [process.execPath, ...(typeof RM_SINGLE === 'undefined' ? [process.argv[1] ?? ''] : [])],
  print: (text) => process.stdout.write(text),
  printError: (text) => process.stderr.write(text),
}).then((status) => {
  process.exitCode = status;
});
