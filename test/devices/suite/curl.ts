import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Answer } from './answer.ts';
import type { Way } from './way.ts';

/** One request of several that curl sends on the connections that it keeps. */
export interface Ask {
  readonly path: string;
  readonly args?: readonly string[];
}

let count = 0;

/** Asks by curl, one after the other; `credentials: false` leaves out those of the reflector. */
export async function ask(
  directory: string,
  way: Way,
  asks: readonly Ask[],
  credentials: readonly string[] = way.curl,
): Promise<Answer> {
  const run = join(directory, `curl-${count++}`);
  const args = asks.flatMap(({ path, args: more = [] }, i) => [
    ...(i === 0 ? [] : ['--next']),
    ...['--silent', '--show-error', '--max-time', '240', '--path-as-is'],
    ...credentials,
    ...['--dump-header', `${run}.head-${i}`, '--output', `${run}.body-${i}`],
    ...more,
    `${way.origin}${path}`,
  ]);
  const child = spawn('curl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const exit = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const read = (name: string) => readFile(`${run}.${name}`).catch(() => Buffer.alloc(0));
  const heads = await Promise.all(asks.map((_ask, i) => read(`head-${i}`)));
  // Of an answer to HEAD curl takes the head for the content.
  const whole = asks.flatMap(({ args: more = [] }, i) => (more.includes('--head') ? [] : [i]));
  const bodies = await Promise.all(whole.map((i) => read(`body-${i}`)));
  return { exit, heads: Buffer.concat(heads).toString('latin1'), bodies, errors };
}
