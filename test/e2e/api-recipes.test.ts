import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root } from '../checkout.ts';
import { within } from '../scenarios/stage/wait.ts';
import { endProcess } from '../system/end-process.ts';

/** The commands of docs/server/api.md, in their order in one shell, against rm-server as it is shipped. */

interface Recipe {
  readonly commands: string;
  /** What the page says comes out; empty: nothing. */
  readonly output: string;
}

const page = readFileSync(join(root, 'docs/server/api.md'), 'utf8');
const recipes = [...page.matchAll(/^```sh\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?/gms)].map(
  ([, commands = '', output = '']): Recipe => ({ commands, output }),
);
const folder = mkdtempSync(join(tmpdir(), 'rm-api-recipes-'));
let server: ChildProcess;
let address = '';
let password = '';

beforeAll(async () => {
  const data = join(folder, 'server.sqlite');
  const main = join(root, 'server/dist/main.js');
  server = spawn(process.execPath, [main, '--listen', '127.0.0.1:0', '--data', data], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, HOME: folder },
  });
  const listens = new Promise<string>((resolve, reject) => {
    let text = '';
    server.stdout?.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
      const found = /listens on http:\/\/(\S+)/.exec(text)?.[1];
      if (found) resolve(found);
    });
    server.once('exit', (status) => reject(new Error(`rm-server ended with ${status}`)));
  });
  address = await within(listens, 'rm-server to listen');
  password = /password: (.*)/.exec(readFileSync(`${data}.first-administrator`, 'utf8'))?.[1] ?? '';
});

afterAll(async () => {
  await endProcess(server);
  rmSync(folder, { recursive: true, force: true });
});

test('every command of the page does what the page says', async () => {
  expect(recipes.length).toBeGreaterThan(8);
  const mark = '---- end of a recipe';
  const script = recipes
    .map(({ commands }) => `${commands.replaceAll('localhost:8080', address)}echo '${mark}'\n`)
    .join('');
  const shell = spawn('bash', ['-s'], {
    cwd: folder,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      PASSWORD: password,
      SERVER: `http://${address}/my-devices/api`,
    },
  });
  shell.stdin.end(script);
  let [out, err] = ['', ''];
  shell.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  shell.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  await within(once(shell, 'close'), 'the commands of the page');
  expect(err).toBe('');
  const outputs = out.split(`${mark}\n`);
  expect(recipes.map(({ commands }, i) => ({ commands, output: outputs[i] }))).toEqual(recipes);
});
