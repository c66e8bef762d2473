import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Installation } from '../installation.ts';
import { RemoteData } from '../testing/remote-store.ts';
import { runCommand } from '../testing/run-command.ts';
import type { Program, StoreSources } from './program.ts';
import { reflectorProgram } from './reflector-program.ts';

let folder: string;
let data: string;
let remote: RemoteData;
let asked: StoreSources['given'][];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rm-stores-'));
  data = join(folder, 'reflector.sqlite');
  remote = new RemoteData();
  asked = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const program: Program = {
  ...reflectorProgram,
  stores: {
    help: 'a store far away',
    chosen: ({ given }) => {
      asked.push(given);
      return given && (async () => remote.open());
    },
  },
};

const command = (args: readonly string[], environment: Record<string, string> = {}, of = program) =>
  runCommand(of, args, { RM_REFLECTOR_DATA: data, ...environment });

test('commands work on the store that is asked for, and make no data file', async () => {
  const far = ['--store', 'far'];
  expect(await command(['device', 'add', 'pump', '--domain', 'acme', ...far])).toMatchObject({
    status: 0,
    err: '',
  });
  const store = remote.open();
  const pump = await store.devices.get('pump');
  if (!pump) throw new Error('no device');
  await store.devices.noteConnected(pump, 5, { address: '', agent: '', properties: {} });
  // No lock says whether somebody serves it: the state is that of the store.
  const listed = await command(['device', 'list', '--json'], { RM_REFLECTOR_STORE: 'by variable' });
  expect(JSON.parse(listed.out)).toMatchObject([{ id: 'pump', state: 'online' }]);
  expect(existsSync(data)).toBe(false);
  expect(asked).toEqual([
    { value: 'far', name: '--store' },
    { value: 'by variable', name: 'RM_REFLECTOR_STORE' },
  ]);
  expect(await command(['user', 'add', 'alice'])).toMatchObject({ status: 0 });
  expect([existsSync(data), await store.users.isEmpty()]).toEqual([true, true]);
});

test('what a command has changed is recorded only in the audit file that the configuration here names', async () => {
  const audit = join(folder, 'audit.log');
  await new Installation(remote.open()).setAuditFile(audit, null);
  const far = ['--store', 'far'];
  expect(await command(['user', 'add', 'alice', ...far])).toMatchObject({
    status: 0,
    err: `rm-reflector: done, but not recorded: ${audit} is the audit file of the server, and not of the configuration here\n`,
  });
  expect(existsSync(audit)).toBe(false);
  const here = join(folder, 'configuration.json');
  writeFileSync(here, JSON.stringify({ audit }));
  const named = await command(['user', 'grant', 'alice', 'acme', ...far], { RM_REFLECTOR_CONFIG: here });
  expect(named).toMatchObject({ status: 0, err: '' });
  expect(JSON.parse(readFileSync(audit, 'utf8'))).toMatchObject({ event: 'user-grant', user: 'alice' });
});

test('a program without other stores has no such option, and its help does not speak of it', async () => {
  expect(await command(['user', 'list', '--store', 'far'], {}, reflectorProgram)).toMatchObject({
    status: 64,
    err: expect.stringContaining('--store'),
  });
  expect((await command(['--help'], {}, reflectorProgram)).out).not.toContain('--store');
  expect((await command(['--help'])).out).toContain('a store far away, or RM_REFLECTOR_STORE');
});
