import { spawn } from 'node:child_process';
import { Failure, reasonOf } from '../failure.ts';

/** Starts a program that outlives this one; rejects with a {@link Failure} if it cannot be started. */
export function startDetached(file: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: 'ignore', detached: true });
    child.once('error', (error) => reject(new Failure(`${file}: ${reasonOf(error)}`)));
    child.once('spawn', () => {
      child.unref();
      resolve();
    });
  });
}
