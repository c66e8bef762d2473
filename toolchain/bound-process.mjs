// Processes that do not outlive the one that started them, however that ends: by a signal, by SIGKILL, or with its npm.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const guard = fileURLToPath(new URL('guard.mjs', import.meta.url));
/** How often the process that started us is looked for. */
const lookMs = 250;

/** @type {Promise<NodeJS.Signals> | undefined} */
let end;

/**
 * Resolves when this process is to end: with the signal that says so, or with SIGHUP once the npm that runs it is gone
 * (npm passes SIGINT and SIGTERM on, and nothing when it is killed). From the first call on such signals do nothing else.
 *
 * @returns {Promise<NodeJS.Signals>}
 */
export function ending() {
  end ??= new Promise((resolve) => {
    for (const name of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
      process.on(name, () => resolve(name));
    if (process.env.npm_lifecycle_event === undefined) return;
    const parent = process.ppid;
    const look = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(look);
      resolve('SIGHUP');
    }, lookMs);
    look.unref();
  });
  return end;
}

/**
 * Starts a program, without standard input, in a process group of its own. When this process ends, so does the program:
 * by SIGTERM, and 5 s later by SIGKILL with whatever is left of the group.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, output?: 'inherit' | 'ignore' | 'pipe', env?: Record<string, string> }} [options] `output`: where
 *   standard output goes, and with `pipe` standard error as well; `env` adds to our own
 * @returns {{ child: import('node:child_process').ChildProcess, exited: Promise<number>, stop(): Promise<number> }}
 *   `child` is the guard and ends as the program does, by a signal with 128 more than its number; `exited` gives that
 *   status once nothing of the group is left; `stop` ends it as above.
 */
export function spawnBound(command, args, { cwd, output = 'inherit', env } = {}) {
  const child = spawn(process.execPath, [guard, command, ...args], {
    cwd,
    env: { ...process.env, ...env },
    detached: true,
    stdio: ['pipe', output, output === 'pipe' ? 'pipe' : 'inherit'],
  });
  child.stdin?.on('error', () => {});
  const exited = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (status, signal) => {
      sweep(child.pid);
      resolve(status ?? 128 + constants.signals[signal ?? 'SIGKILL']);
    });
  });
  return {
    child,
    exited,
    stop() {
      child.stdin?.end();
      return exited;
    },
  };
}

/**
 * Runs a program as {@link spawnBound} does until it ends, or until this process is to end, and the program before it.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string> }} [options]
 * @returns {Promise<number>} its status; 128 and the number of the signal when it was ended
 */
export async function runBound(command, args, options) {
  const { exited, stop } = spawnBound(command, args, options);
  const first = await Promise.race([exited, ending()]);
  if (typeof first === 'number') return first;
  await stop();
  return 128 + constants.signals[first];
}

/**
 * What a program has left running.
 * @param {number | undefined} group
 */
function sweep(group) {
  try {
    if (group !== undefined) process.kill(-group, 'SIGKILL');
  } catch {
    // Nothing is left.
  }
}
