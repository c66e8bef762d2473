// Runs a program for as long as its own standard input, a pipe, is open: the kernel closes that however the other end goes.
//   node guard.mjs COMMAND [ARGUMENT]…
// Started by bound-process.mjs, as the leader of a process group.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** From SIGTERM to SIGKILL. */
const graceMs = 5_000;

const [command = '', ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
let orphaned = false;

child.on('error', (error) => {
  process.stderr.write(`${command}: ${error.message}\n`);
  process.exit(127);
});
child.on('exit', (status, signal) => {
  // The one that would sweep up what the program has left is gone, or about to go.
  if (orphaned) process.kill(0, 'SIGKILL');
  process.exit(status ?? 128 + constants.signals[signal ?? 'SIGKILL']);
});

function end() {
  orphaned = true;
  child.kill('SIGTERM');
  setTimeout(() => process.kill(0, 'SIGKILL'), graceMs);
}

process.stdin.on('end', end).on('error', end).resume();
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) process.on(signal, end);
