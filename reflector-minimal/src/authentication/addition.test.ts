import { pino } from 'pino';
import { beforeEach, describe, expect, test } from 'vitest';
import { stepAt, totpCode } from '../one-time-password/totp.ts';
import { type Authenticator, AuthenticatorUnavailable, type Verdict } from '../ports/authenticators.ts';
import { accountOf } from '../testing/account-of.ts';
import { MemoryUsers } from '../testing/memory-users.ts';
import { contained } from './addition.ts';
import type { Attempt, LogIn } from './log-in.ts';

const secret = Buffer.from('12345678901234567890');

/** A directory that knows Carol by the password `garden`. */
describe('a directory beside the passwords of the store', () => {
  let users: MemoryUsers;
  let logIn: LogIn;
  /** Names that it was asked for. */
  let asked: string[];
  let logged: { level: number; authenticator?: string }[];
  let answer: (name: string, password: string) => Verdict | Promise<Verdict>;

  beforeEach(async () => {
    users = await MemoryUsers.open({ authenticatorMs: 10_000 });
    await users.store.users.add('carol', 'no hash of a password', 0, 'user');
    asked = [];
    logged = [];
    answer = async (name, password) => {
      const user = await users.store.users.get('carol');
      if (!user || name !== 'carol' || password !== 'garden') return { refused: 'not in the directory' };
      return { user, session: null, until: users.clock.date() + 60_000 };
    };
    const directory: Authenticator<'password'> = {
      name: 'directory',
      accepts: 'password',
      prove({ name, password }) {
        asked.push(name);
        return answer(name, password);
      },
    };
    const log = pino({}, { write: (line: string) => void logged.push(JSON.parse(line)) });
    const { clock, limits } = users;
    logIn = users.logIn(contained(directory, { clock, log, limits }));
  });

  const attempt = (given: Partial<Attempt>) =>
    logIn.check({ name: 'carol', password: 'garden', code: null, address: '192.0.2.1', marks: [], ...given });
  const outcome = async (given: Partial<Attempt>) => {
    const verdict = await attempt(given);
    return 'denied' in verdict ? verdict.denied : verdict.by;
  };

  test('proves its users, under its name, and for as long as it says', async () => {
    expect(await attempt({})).toMatchObject({
      user: { name: 'carol' },
      by: 'directory',
      credential: 'password',
      session: null,
      until: users.clock.date() + 60_000,
    });
  });

  test('is not asked for a user whom the store has proven', async () => {
    expect(await outcome({ name: 'alice', password: 'wonderland' })).toBe('password');
    expect(asked).toEqual([]);
  });

  test('a wrong password costs one scrypt and one question, whoever knows the name', async () => {
    for (const name of ['alice', 'carol', 'nobody']) {
      users.hashed = 0;
      asked = [];
      expect(await outcome({ name, password: 'guess' })).toBe('refused');
      expect([name, users.hashed, asked]).toEqual([name, 1, [name]]);
    }
  });

  test('its log-ins are throttled as all others are', async () => {
    for (let n = 0; n < users.limits.logInFailures; n++) {
      expect(await outcome({ password: `guess ${n}` })).toBe('refused');
    }
    expect(await outcome({})).toBe('throttled');
  });

  test('an account with one-time passwords needs a code after it', async () => {
    const carol = await accountOf(users.store, 'carol');
    await users.store.users.setTotp(carol, { secret, step: 0, recovery: [] });
    expect(await outcome({})).toBe('oneTimePassword');
    expect(await outcome({ code: '000000' })).toBe('refused');
    const code = totpCode(secret, stepAt(users.clock.date()));
    expect(await outcome({ code })).toBe('directory');
  });

  test('a refusal, and a fault, are told under its name', async () => {
    const { clock, limits } = users;
    const log = pino({ level: 'debug' }, { write: (line: string) => void logged.push(JSON.parse(line)) });
    const prove = (verdict: () => Promise<Verdict>) =>
      contained({ name: 'directory', accepts: 'password', prove: verdict }, { clock, log, limits }).prove(
        { name: 'carol', password: 'x' },
        { address: '192.0.2.1', clock },
      );
    await prove(async () => ({ refused: 'not in the directory' }));
    expect(logged).toMatchObject([
      { level: 20, authenticator: 'directory', reason: 'not in the directory', msg: 'log-in refused' },
    ]);
    await expect(prove(() => Promise.reject(new TypeError('ours')))).rejects.toThrow('directory has failed');
  });

  test('is never shown an empty password', async () => {
    expect(await outcome({ password: '' })).toBe('refused');
    expect(asked).toEqual([]);
  });

  const failures: readonly (readonly [string, () => Promise<Verdict>])[] = [
    ['cannot be reached', () => Promise.reject(new AuthenticatorUnavailable('connection refused'))],
    ['has a fault', () => Promise.reject(new TypeError('ours'))],
  ];
  test.each(failures)('that %s locks no local user out; of others it cannot be told', async (_what, fail) => {
    answer = fail;
    expect(await outcome({ name: 'alice', password: 'wonderland' })).toBe('password');
    for (let n = 0; n < 20; n++) expect(await outcome({})).toBe('busy');
    expect(logged).toMatchObject([
      { level: 50, authenticator: 'directory', msg: 'users cannot be authenticated' },
    ]);
  });

  test('authenticatorMs: that does not answer counts as one that cannot be reached', async () => {
    answer = () => new Promise(() => {});
    const pending = outcome({});
    while (asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
    users.clock.advance(10_000);
    expect(await pending).toBe('busy');
    expect(users.clock.pending).toBe(0);
  });
});
