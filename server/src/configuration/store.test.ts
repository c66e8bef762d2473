import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError } from 'rm-reflector/program';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readOwnConfiguration } from './configuration.ts';
import { storeAddress } from './store.ts';

const file = '/etc/rm-server.json';
const url = 'postgresql://rm@db.example.com/rm';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rm-store-'));
  writeFileSync(join(folder, 'password'), 'first\n', { mode: 0o600 });
  writeFileSync(join(folder, 'empty'), '\n', { mode: 0o600 });
  writeFileSync(join(folder, 'text'), 'no certificate\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Given {
  readonly option?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

function read(store: object | undefined, { option, environment = {} }: Given = {}) {
  const given = option === undefined ? null : { value: option, name: '--store' };
  return storeAddress(readOwnConfiguration({ store }, file).store, { given, file, environment });
}

test('without any the data file is used; TLS proves the database unless it is switched off', () => {
  expect(read(undefined)).toBe(null);
  expect(read({ url })).toEqual({ url, tls: 'verify-full' });
  expect(read({ url, tls: 'off' })).toEqual({ url, tls: 'off' });
  expect(read(undefined, { option: url })).toEqual({ url });
});

test('--store replaces the address, and the password of the configuration stays; it is read anew each time', () => {
  const password = join(folder, 'password');
  const other = 'postgresql://rm@standby.example.com/rm';
  const address = read({ url, password: { file: password } }, { option: other });
  const current = address?.password as () => string;
  expect([address?.url, current()]).toEqual([other, 'first']);
  writeFileSync(password, 'second\n');
  expect(current()).toBe('second');
});

test.each<[string, () => unknown, string]>([
  ['no address', () => read({}), `${file}: store.url: is missing`],
  ['a key that is spelled wrong', () => read({ url, pasword: 'x' }), `${file}: store.pasword: is unknown`],
  ['not an object', () => read([url]), `${file}: store: must be object`],
  ['a time that is too long', () => read({ url, outage: 3_601 }), `${file}: store.outage: must be <= 3600`],
  ['a way of TLS', () => read({ url, tls: 'prefer' }), `${file}: store.tls: must be one of verify-full, off`],
  [
    'another engine',
    () => read({ url: 'mysql://rm@db/rm' }),
    `${file}: store.url: its URL is incomplete; postgresql://USER@HOST:PORT/DATABASE is allowed`,
  ],
  [
    'no address at all',
    () => read(undefined, { option: 'db.example.com' }),
    '--store: its URL cannot be read; postgresql://USER@HOST:PORT/DATABASE is allowed',
  ],
  [
    'parameters',
    () => read({ url: `${url}?sslmode=disable` }),
    `${file}: store.url: its URL has ?sslmode=disable; postgresql://USER@HOST:PORT/DATABASE is allowed`,
  ],
  [
    'a password in the address',
    () => read({ url: 'postgresql://rm:secret@db/rm' }),
    `${file}: store.url: has a password; put it into a file that others cannot read, and name it by "store": {"password": {"file": PATH}} in the configuration file`,
  ],
  [
    'a password in the option',
    () => read(undefined, { option: 'postgresql://rm:secret@db/rm' }),
    '--store: has a password; put it into a file that others cannot read, and name it by "store": {"password": {"file": PATH}} in the configuration file',
  ],
  [
    'no password file',
    () => read({ url, password: { file: '/none' } }),
    `${file}: store.password: /none: no such file or directory`,
  ],
  [
    'an empty password file',
    () => read({ url, password: { file: join(folder, 'empty') } }),
    'store.password: FOLDER/empty is empty',
  ],
  [
    'a variable that is not set',
    () => read({ url, password: { env: 'DATABASE_PASSWORD' } }),
    `${file}: store.password: the variable DATABASE_PASSWORD is not set`,
  ],
  ['no authorities', () => read({ url, ca: '/none' }), `${file}: store.ca: /none: no such file or directory`],
  [
    'authorities that are none',
    () => read({ url, ca: join(folder, 'text') }),
    'store.ca: FOLDER/text has no certificate in PEM',
  ],
])('%s is told in one line that names the place', (_what, call, message) => {
  let thrown: unknown;
  try {
    call();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(ConfigurationError);
  const text = (thrown as Error).message.replaceAll(folder, 'FOLDER');
  expect(text.endsWith(message), text).toBe(true);
  expect(text).not.toMatch(/secret|\n/);
});
