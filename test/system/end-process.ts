import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Resolves once the process has gone, also where it went before, by itself or by a signal. */
export async function gone(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** Ends a process, and waits until it has gone. */
export async function endProcess(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  child.kill(signal);
  await gone(child);
}
