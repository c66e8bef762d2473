#!/usr/bin/env node
import { fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { terminalPrompt } from './account/prompt.ts';
import { run } from './commands/run.ts';
import { ExitStatus, reasonOf } from './failure.ts';
import { defaultLimits } from './limits.ts';
import { systemClock } from './system-clock.ts';

/** Node writes to pipes synchronously, so a slow reader would block the process. A socket on the descriptor does not. */
function output(): Writable {
  const kind = fstatSync(1);
  return kind.isFIFO() || kind.isSocket()
    ? new Socket({ fd: 1, readable: false, writable: true })
    : process.stdout;
}

let isPrinting = false;

/** Ends the process where it cannot write: whoever reads a list, such as `head`, may have enough of it, which is no fault. */
function print(text: string): void {
  // Not before: the stream makes a pipe block, and `connect` writes to the same one.
  if (!isPrinting) {
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') process.stderr.write(`rm-client: standard output: ${reasonOf(error)}\n`);
      process.exit(ExitStatus.failed);
    });
  }
  isPrinting = true;
  process.stdout.write(text);
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
  print,
  printError: (text) => process.stderr.write(text),
}).then((status) => {
  process.exitCode = status;
});
