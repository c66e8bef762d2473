import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import type { Cancellable, Processes } from '../src/host.ts';
import { toHostError } from './errors.ts';

export const processes: Processes = {
  run([program, ...args], { timeoutMs, maxOutputBytes, maxErrorBytes = 0, environment }, done): Cancellable {
    let child: ChildProcess;
    try {
      child = spawn(program, args, {
        detached: true,
        stdio: ['ignore', 'pipe', maxErrorBytes > 0 ? 'pipe' : 'ignore'],
        env: { ...process.env, ...environment },
      });
    } catch (error) {
      // Node refuses an empty name, and NUL anywhere, by throwing.
      const failed = toHostError(error as NodeJS.ErrnoException);
      const turn = setImmediate(() =>
        done({ status: null, output: nothing, errorOutput: nothing, timedOut: false, error: failed }),
      );
      return { cancel: () => clearImmediate(turn) };
    }
    let over = false;
    let timedOut = false;
    const output = collect(child.stdout, maxOutputBytes);
    const errorOutput = collect(child.stderr, maxErrorBytes);
    const printed = () => ({ output: output(), errorOutput: errorOutput() });
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
      child.stdout?.destroy();
      child.stderr?.destroy();
    }, timeoutMs);
    child.on('error', (error) => {
      clearTimeout(timer);
      if (over) return;
      over = true;
      done({ ...printed(), status: null, timedOut, error: toHostError(error) });
    });
    const end = (code: number | null, signal: NodeJS.Signals | null): void => {
      clearTimeout(timer);
      if (over) return;
      over = true;
      child.stdout?.destroy();
      child.stderr?.destroy();
      const status = code ?? 128 + (signal ? constants.signals[signal] : 0);
      done({ ...printed(), status, timedOut, error: null });
    };
    child.on('close', end);
    // What it has left running may hold the pipe open for ever; what it has printed itself is read within one turn.
    child.on('exit', (code, signal) => setImmediate(() => setImmediate(() => end(code, signal))));
    return {
      cancel: () => {
        // What a program has left running is not ours, and its number may be another's by now.
        if (over) return;
        over = true;
        clearTimeout(timer);
        kill();
      },
    };
  },
};

const nothing = new Uint8Array();

/** Reads all, so that the program does not stall, and keeps the first bytes. */
function collect(stream: Readable | null, most: number): () => Uint8Array {
  let kept = Buffer.alloc(0);
  stream?.on('data', (chunk: Buffer) => {
    const room = most - kept.length;
    if (room > 0) kept = Buffer.concat([kept, chunk.subarray(0, room)]);
  });
  return () => kept;
}
