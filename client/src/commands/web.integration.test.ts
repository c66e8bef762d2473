import { once } from 'node:events';
import { existsSync, readFileSync, watch, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { hashPassword } from 'rm-reflector';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Stage } from '../testing/stage.ts';

let stage: Stage;
let browser = '';

function answer(socket: Socket): void {
  socket.once('data', () => socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'));
}

beforeAll(async () => {
  stage = await Stage.open({}, [[80, answer]]);
  browser = join(stage.folder, 'browser');
  writeFileSync(
    browser,
    `#!/bin/sh\nprintf '%s' "$1" > '${browser}.new'\nmv '${browser}.new' '${browser}.url'\n`,
    {
      mode: 0o755,
    },
  );
});
afterAll(() => stage.close());

test.each([
  ['pump-9', {}, /^rm-client: pump-9: [^\n]*no device[^\n]*\n$/i],
  ['pump-8', {}, /^rm-client: pump-8: [^\n]*off ?line[^\n]*\n$/i],
  ['pump-7', { RM_PASSWORD: 'wrong' }, /^rm-client: localhost:\d+: wrong password, or no user alice\n$/],
])(
  'rm-client web %s with %j says why there is nothing to see, and starts no browser',
  async (name, environment, line) => {
    const { status, out, err } = await stage
      .command({ RM_USER: 'alice', RM_PASSWORD: 'wonderland', ...environment })
      .run('web', '--program', browser, name);
    expect(err).toMatch(line);
    expect([status, out, existsSync(`${browser}.url`)]).toEqual([1, '', false]);
  },
);

test('rm-client web says that a user has no right to a device that exists', async () => {
  await stage.reflector.store.users.add('bob', await hashPassword('password of bob'), 0, 'user');
  const { status, err } = await stage
    .command({ RM_USER: 'bob', RM_PASSWORD: 'password of bob' })
    .run('web', '--program', browser, 'pump-7');
  expect(err).toMatch(/^rm-client: pump-7: [^\n]+\n$/);
  expect(status).toBe(1);
});

test('rm-client web without a log-in says so; --print needs none', async () => {
  const { status, err } = await stage.command().run('web', '--program', browser, 'pump-7');
  expect([status, err]).toEqual([1, expect.stringContaining('not logged in: rm-client login')]);
  const { out } = await stage.command().run('web', '--print', 'pump-9');
  expect(out).toMatch(/^http:\/\/pump-9\.localhost:\d+\/\n$/);
});

test('rm-client web opens the browser at a device that is there, whatever it answers', async () => {
  const watcher = watch(stage.folder);
  const { status, out } = await stage.loggedIn.run('web', '--program', browser, 'Pump-7');
  expect([status, out]).toEqual([0, expect.stringMatching(/^http:\/\/pump-7\.localhost:\d+\/\n$/)]);
  while (!existsSync(`${browser}.url`)) await once(watcher, 'change');
  watcher.close();
  expect(`${readFileSync(`${browser}.url`, 'utf8')}\n`).toBe(out);
});
