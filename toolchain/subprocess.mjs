// Running other programs: quiet when they succeed, with their last words when they do not.
import { spawn } from 'node:child_process';

/** A step of the build that did not succeed; its message is for the person at the terminal. */
export class BuildError extends Error {}

const lastLines = 20;

/**
 * Runs a program and gives what it wrote to standard output.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string | undefined>, input?: string | Buffer }} [options] `env` adds to our own
 * @returns {Promise<string>}
 * @throws {BuildError} when it cannot be started or ends with another status than 0
 */
export function run(command, args, { cwd, env, input } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, LC_ALL: 'C', ...env } });
    let output = '';
    let all = '';
    child.stdout.on('data', (bytes) => {
      output += bytes;
      all += bytes;
    });
    child.stderr.on('data', (bytes) => {
      all += bytes;
    });
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    child.on('error', (error) => {
      const missing = 'code' in error && error.code === 'ENOENT';
      const why = missing
        ? `not found${cwd === undefined ? '' : `, or not its folder ${cwd}`}`
        : error.message;
      reject(new BuildError(`${command}: ${why}`));
    });
    child.on('close', (status, signal) => {
      if (status === 0) return resolve(output);
      // One compiler of many was the first to notice; what the others say of it helps nobody.
      const full = all.split('\n').find((line) => /no space left on device/i.test(line));
      if (full !== undefined) return reject(new BuildError(`${command}: ${full.trim()}`));
      const words = all.trimEnd().split('\n').slice(-lastLines).join('\n');
      reject(new BuildError(`${words}\n${command} ended with ${signal ?? `status ${status}`}`));
    });
  });
}

/**
 * Calls `work` for each item, at most `limit` at a time, and stops at the first failure.
 * @template T
 * @param {readonly T[]} items
 * @param {number} limit
 * @param {(item: T) => Promise<void>} work
 */
export async function eachOf(items, limit, work) {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      await work(item).catch((error) => {
        queue.length = 0;
        throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
}
