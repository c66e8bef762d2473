import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits } from '../limits.ts';
import { authorize } from './credentials.ts';
import { LoginFile } from './login-file.ts';

const reflector = 'https://remote.example.com';
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

describe('who we are', () => {
  let folder: string;
  let logins: LoginFile;
  let asked: string[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rm-credentials-'));
    logins = new LoginFile(join(folder, 'login.json'), defaultLimits.loginFileBytes);
    logins.save(reflector, { user: 'alice', token: 'a.b.c', expires: 1000, ca: null });
    asked = [];
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const header = async (
    user: string | undefined,
    environment: Record<string, string>,
    now = 999,
    at = reflector,
  ) => {
    const ask = async (question: string) => {
      asked.push(question);
      return 'typed';
    };
    return (await authorize({ reflector: at, user, environment, logins, ask, now })).header;
  };

  test('RM_PASSWORD comes first, with the user of the option before that of RM_USER', async () => {
    expect(await header(undefined, { RM_USER: 'bob', RM_PASSWORD: 'p:w' })).toBe(basic('bob:p:w'));
    expect(await header('carol', { RM_USER: 'bob', RM_PASSWORD: 'pw' })).toBe(basic('carol:pw'));
    expect(asked).toEqual([]);
  });

  test('then the token, if it is of that user', async () => {
    expect(await header(undefined, {})).toBe('Bearer a.b.c');
    expect(await header('alice', {})).toBe('Bearer a.b.c');
    expect(await header(undefined, { RM_USER: 'alice' })).toBe('Bearer a.b.c');
    expect(await header(undefined, { RM_PASSWORD: 'of nobody that is named' })).toBe('Bearer a.b.c');
    expect(asked).toEqual([]);
  });

  test('then what is typed, for a user that is named', async () => {
    expect(await header('bob', {})).toBe(basic('bob:typed'));
    expect(await header('alice', {}, 1000)).toBe(basic('alice:typed'));
    expect(asked).toEqual(['Password of bob: ', 'Password of alice: ']);
  });

  test('otherwise it is said what to do', async () => {
    await expect(header(undefined, {}, 1000)).rejects.toThrow(
      'the token of alice has expired: rm-client login',
    );
    await expect(header(undefined, {}, 0, 'https://another')).rejects.toThrow(
      'https://another: not logged in',
    );
    await expect(header(undefined, { RM_PASSWORD: 'x' }, 0, 'https://another')).rejects.toThrow(
      'https://another: not logged in: rm-client login, or RM_USER and RM_PASSWORD',
    );
    await expect(header('a:b', { RM_PASSWORD: 'x' })).rejects.toThrow(
      'user name "a:b": must be some text without ":"',
    );
  });
});
