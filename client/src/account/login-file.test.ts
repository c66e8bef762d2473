import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits } from '../limits.ts';
import { LoginFile, loginFilePath } from './login-file.ts';

const alice = { user: 'alice', token: 'a.b.c', expires: 100, ca: null };
const bob = { user: 'bob', token: 'd.e.f', expires: 200, ca: '/etc/ca.pem' };

describe('the file of log-ins', () => {
  let folder: string;
  let file: LoginFile;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rm-login-'));
    file = new LoginFile(loginFilePath({ XDG_CONFIG_HOME: folder }), defaultLimits.loginFileBytes);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('keeps one log-in a reflector, and which was the last', () => {
    expect([file.reflector, file.get('https://one')]).toEqual([null, null]);
    file.save('https://one', alice);
    file.save('https://two', bob);
    const again = new LoginFile(file.path, defaultLimits.loginFileBytes);
    expect([again.reflector, again.get('https://one'), again.get('https://two')]).toEqual([
      'https://two',
      alice,
      bob,
    ]);
    expect(again.get('toString')).toBeNull();
    expect(file.remove('https://two')).toBe(true);
    expect(file.remove('https://two')).toBe(false);
    expect(file.reflector).toBe('https://one');
    expect(file.remove('https://one')).toBe(true);
    expect(readdirSync(dirname(file.path))).toEqual([]);
  });

  test('is for its owner alone, and nothing is left beside it', () => {
    const before = process.umask(0);
    try {
      file.save('https://one', alice);
    } finally {
      process.umask(before);
    }
    expect(statSync(file.path).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(file.path)).mode & 0o777).toBe(0o700);
    expect(readdirSync(dirname(file.path))).toEqual(['login.json']);
  });

  test('is refused when others may read it', () => {
    file.save('https://one', alice);
    chmodSync(file.path, 0o640);
    expect(() => file.get('https://one')).toThrow(`${file.path}: others may read it (mode 0640)`);
  });

  test('on Windows, where the mode says nothing, is taken as it is', () => {
    file.save('https://one', alice);
    chmodSync(file.path, 0o666);
    expect(new LoginFile(file.path, defaultLimits.loginFileBytes, false).get('https://one')).toEqual(alice);
  });

  test.each([
    ['', 'not a file of rm-client'],
    ['{"reflector": 1}', 'not a file of rm-client'],
    ['{"reflector":"x","logins":{"x":null}}', 'not a file of rm-client'],
    [
      '{"reflector":"x","logins":{"x":{"user":"a","token":"b\\r\\nHost: c","expires":1,"ca":null}}}',
      'not a file of rm-client',
    ],
    [' '.repeat(defaultLimits.loginFileBytes + 1), 'more than 65536 bytes'],
  ])('with other content is one line: %.70s', (content, line) => {
    mkdirSync(dirname(file.path));
    writeFileSync(file.path, content, { mode: 0o600 });
    expect(() => file.reflector).toThrow(`${file.path}: ${line}`);
    expect(() => file.save('https://one', alice)).toThrow(line);
  });

  test('that cannot be written is one line, and leaves nothing', () => {
    mkdirSync(file.path, { recursive: true });
    expect(() => new LoginFile(join(file.path, '.'), 1).save('https://one', alice)).toThrow(file.path);
    expect(readdirSync(file.path)).toEqual([]);
  });
});
