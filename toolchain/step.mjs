// Programs that run without a word as long as all goes well.
import { once } from 'node:events';
import { constants } from 'node:os';
import { ending, spawnBound } from './bound-process.mjs';
import { announce } from './progress.mjs';

/**
 * Announces and runs one command, and keeps what it prints. It does not outlive us, and a signal meanwhile ends it.
 *
 * @param {string} title
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, env?: Record<string, string> }} options `env` adds to our own
 * @returns {Promise<{ status: number, output: string, signal?: NodeJS.Signals }>} `signal`: the one that ended it
 */
export async function step(title, command, args, { cwd, env = {} }) {
  const done = announce(title);
  const { child, exited, stop } = spawnBound(command, args, { cwd, output: 'pipe', env });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  const closed = once(child, 'close');
  const first = await Promise.race([exited, ending()]);
  done();
  if (typeof first !== 'number') {
    await stop();
    return { status: 128 + constants.signals[first], output, signal: first };
  }
  await closed;
  return { status: first, output };
}
