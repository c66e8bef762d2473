import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import type { Cancellable, Processes } from '../host.ts';
import { toHostError } from './errors.ts';

export const processes: Processes = {
  run([program, ...args], { timeoutMs, maxOutputBytes, environment }, done): Cancellable {
    let child: ChildProcessByStdio<null, Readable, null>;
    try {
      child = spawn(program, args, {
        detached: true,
        stdio: ['ignore', 'pipe', 'ignore'],
        env: { ...process.env, ...environment },
      });
    } catch (error) {
      // Node refuses an empty name, and NUL anywhere, by throwing.
      const failed = toHostError(error as NodeJS.ErrnoException);
      const turn = setImmediate(() =>
        done({ status: null, output: new Uint8Array(), timedOut: false, error: failed }),
      );
      return { cancel: () => clearImmediate(turn) };
    }
    let over = false;
    let timedOut = false;
    let output = Buffer.alloc(0);
    // The group, so that what the program has started ends with it.
    const kill = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    };
    const timer = setTimeout(() => {
      timedOut = true;
      kill();
      // What has left the group may hold the pipe open for ever.
      child.stdout.destroy();
    }, timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => {
      const room = maxOutputBytes - output.length;
      if (room > 0) output = Buffer.concat([output, chunk.subarray(0, room)]);
    });
    child.on('error', (error) => {
      clearTimeout(timer);
      if (over) return;
      over = true;
      done({ status: null, output, timedOut, error: toHostError(error) });
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (over) return;
      over = true;
      const status = code ?? 128 + (signal ? constants.signals[signal] : 0);
      done({ status, output, timedOut, error: null });
    });
    return {
      cancel: () => {
        over = true;
        clearTimeout(timer);
        kill();
      },
    };
  },
};
