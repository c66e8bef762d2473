import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root } from '../checkout.ts';
import { endProcess } from '../system/end-process.ts';

/** `rm-server` as it is shipped reads the look of its pages again on SIGHUP. */

/** Only something that hangs reaches it. */
const timeout = 120_000;

const folder = mkdtempSync(join(tmpdir(), 'rm-branding-reload-'));
const branding = join(folder, 'branding');
let server: ChildProcess;
let address: string;
let said = '';

const until = (text: string) => expect.poll(() => said, { timeout, interval: 100 }).toContain(text);
const logInPage = async () => (await fetch(new URL('/log-in', address))).text();
const change = (json: object) => writeFileSync(join(branding, 'branding.json'), JSON.stringify(json));

beforeAll(() => {
  cpSync(join(root, 'examples/branding'), branding, { recursive: true });
  const configuration = join(folder, 'rm-server.json');
  writeFileSync(configuration, JSON.stringify({ branding }));
  server = spawn(
    process.execPath,
    [
      join(root, 'server/dist/main.js'),
      ...['--config', configuration, '--listen', '127.0.0.1:0', '--data', join(folder, 'server.sqlite')],
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, HOME: folder, RM_CONTROL: join(folder, 'control.sock') },
    },
  );
  for (const stream of [server.stdout, server.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
});
afterAll(async () => {
  await endProcess(server);
  rmSync(folder, { recursive: true, force: true });
});

test('what is right counts, what is wrong leaves the former look', { timeout: 3 * timeout }, async () => {
  await until('listens on ');
  address = /listens on (\S+)/.exec(said)?.[1] ?? '';
  expect(await logInPage()).toContain('Tidewater Remote');
  rmSync(join(branding, 'domains'), { recursive: true });
  change({ name: 'Harbour Remote' });
  server.kill('SIGHUP');
  await until('branding read again');
  expect(await logInPage()).toContain('Harbour Remote');
  change({ nam: 'Typing error' });
  server.kill('SIGHUP');
  await until('branding unusable; the former one stays');
  expect(said).toContain('nam: is unknown');
  expect(await logInPage()).toContain('Harbour Remote');
  expect([server.exitCode, server.signalCode]).toEqual([null, null]);
});
