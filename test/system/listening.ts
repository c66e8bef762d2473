import type { ChildProcess } from 'node:child_process';
import { listens } from './loopback-port.ts';

/** Waits until something accepts connections on a port of the loopback interface; throws when `child` ends instead. */
export async function listening(port: number, child: ChildProcess, stderr: () => string): Promise<void> {
  if (await listens(port, child)) return;
  throw new Error(`${child.spawnfile} ended with ${child.exitCode ?? child.signalCode}: ${stderr()}`);
}
