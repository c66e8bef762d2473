import { beforeEach, describe, expect, test } from 'vitest';
import { type Authenticator, AuthenticatorUnavailable } from '../ports/authenticators.ts';
import type { Session } from '../ports/identity.ts';
import { Tokens } from '../sessions/tokens.ts';
import { incoming } from '../testing/incoming.ts';
import { MemoryUsers } from '../testing/memory-users.ts';
import { sessionAuthenticator } from './session-authenticator.ts';
import { tokenAuthenticator } from './token-authenticator.ts';
import { claimedName, type RequestPlace, UserAuthentication } from './user-authentication.ts';

const at: RequestPlace = {
  place: { kind: 'device', device: 'dev1' },
  secure: false,
  address: '192.0.2.1',
};
const mozilla = ['User-Agent', 'Mozilla/5.0'];

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

describe('who a request is from', () => {
  let users: MemoryUsers;
  let authentication: UserAuthentication;
  let cookie: string;
  let token: string;
  /** What a further kind of token does. */
  let further: () => ReturnType<Authenticator<'token'>['prove']>;

  beforeEach(async () => {
    users = await MemoryUsers.open();
    const { sessions, clock } = users;
    const facts = { address: '192.0.2.1', agent: 'Browser/1' };
    const user = await users.alice();
    const own = await sessions.create(user, { kind: 'own', ...facts });
    const parent = own?.session as Session;
    const opened = await sessions.create(user, { kind: 'device', device: 'dev1', parent, ...facts });
    const tokens = new Tokens(Buffer.alloc(32, 1), 60, sessions, clock);
    const issued = await tokens.issue(user, { application: 'app', address: '' });
    if (!opened || !issued) throw new Error('no session');
    cookie = opened.secret;
    token = issued.token;
    further = async () => null;
    const added: Authenticator<'token'> = { name: 'added', accepts: 'token', prove: () => further() };
    const all = [users.local, sessionAuthenticator(sessions), tokenAuthenticator(tokens), added];
    authentication = new UserAuthentication(all, users.logIn(), clock);
  });

  async function by(rawHeaders: readonly string[], from = at): Promise<string> {
    const verdict = await authentication.authenticate(incoming(rawHeaders), from);
    return 'denied' in verdict ? verdict.denied : `${verdict.user.name} by ${verdict.by}`;
  }

  test('is told by the cookie of this host, by a token or by a password', async () => {
    expect(await by(['Cookie', `rm-device-session=${cookie}`])).toBe('alice by session');
    expect(await by(['Authorization', `Bearer ${token}`])).toBe('alice by token');
    expect(await by(['Authorization', `bearer  ${token}  `])).toBe('alice by token');
    expect(await by(['Authorization', basic('alice', 'wonderland')])).toBe('alice by password');
    expect(await by([])).toBe('refused');
  });

  test('a cookie counts under its own name, on its own host', async () => {
    expect(await by(['Cookie', `rm-session=${cookie}`])).toBe('refused');
    expect(await by(['Cookie', `rm-device-session=${cookie}`], { ...at, secure: true })).toBe('refused');
    expect(await by(['Cookie', `__Host-rm-device-session=${cookie}`], { ...at, secure: true })).toBe(
      'alice by session',
    );
    const elsewhere: RequestPlace = { ...at, place: { kind: 'device', device: 'dev2' } };
    expect(await by(['Cookie', `rm-device-session=${cookie}`], elsewhere)).toBe('refused');
  });

  test('one bad cookie of several does no harm, and a good one makes the rest count for nothing', async () => {
    const both = `rm-device-session=${'A'.repeat(43)}; rm-device-session=${cookie}`;
    expect(await by(['Cookie', both])).toBe('alice by session');
    expect(await by(['Cookie', both, 'Authorization', basic('alice', 'wrong')])).toBe('alice by session');
    expect(users.hashed).toBe(0);
  });

  test('a browser proves nobody by a password, but does by a token', async () => {
    expect(await by(['Authorization', basic('alice', 'wonderland'), ...mozilla])).toBe('refused');
    expect(await by(['Authorization', `Bearer ${token}`, ...mozilla])).toBe('alice by token');
    expect(users.hashed).toBe(0);
  });

  test('what cannot be read proves nobody', async () => {
    for (const value of ['Bearer', 'Bearer a b', `x Bearer ${token}`, `Bearer ${token} x`, 'Digest x="y"']) {
      expect([value, await by(['Authorization', value])]).toEqual([value, 'refused']);
    }
  });

  test('wrong passwords are throttled by address, and not in a browser that is known', async () => {
    const guess = (n: number) => by(['Authorization', basic('alice', `guess ${n}`)]);
    for (let n = 0; n < users.limits.logInFailures; n++) expect(await guess(n)).toBe('refused');
    expect(await guess(99)).toBe('throttled');
    const right = ['Authorization', basic('alice', 'wonderland')];
    expect(await by(right)).toBe('throttled');
    const mark = users.logIn().browsers.mark((await users.alice()).uid);
    expect(await by([...right, 'Cookie', `__Host-rm-known=${mark}`])).toBe('throttled');
    expect(await by([...right, 'Cookie', `rm-known=${mark}`])).toBe('alice by password');
  });

  test('tokens alone prove a program where nothing else may', async () => {
    const name = async (value: string | undefined) =>
      (await authentication.bearer(value, at))?.user.name ?? null;
    expect(await name(`Bearer ${token}`)).toBe('alice');
    expect(await name(undefined)).toBeNull();
    expect(await name(basic('alice', 'wonderland'))).toBeNull();
    expect(await name('Bearer x')).toBeNull();
  });

  test('a token is ours when it proves somebody, or when that cannot be told', async () => {
    expect(await authentication.isOurs(token, at)).toBe(true);
    expect(await authentication.isOurs('x', at)).toBe(false);
    further = () => Promise.reject(new AuthenticatorUnavailable('away'));
    expect(await authentication.isOurs('x', at)).toBe(true);
    expect(await by(['Authorization', 'Bearer x'])).toBe('busy');
    await expect(authentication.bearer('Bearer x', at)).rejects.toThrow('away');
    further = () => Promise.reject(new TypeError('ours'));
    await expect(authentication.isOurs('x', at)).rejects.toThrow('ours');
  });

  test('the authenticators are told the address and the time', async () => {
    const seen: unknown[] = [];
    const curious = (accepts: 'session' | 'token'): Authenticator => ({
      name: accepts,
      accepts,
      prove: async (_credentials: unknown, circumstances: unknown) => {
        seen.push(circumstances);
        return null;
      },
    });
    const { clock } = users;
    const asked = new UserAuthentication([curious('session'), curious('token')], users.logIn(), clock);
    await asked.authenticate(incoming(['Cookie', 'rm-device-session=x', 'Authorization', 'Bearer x']), at);
    expect(seen).toEqual([
      { address: '192.0.2.1', clock },
      { address: '192.0.2.1', clock },
    ]);
  });
});

test('the name that a request claims is that of a program', () => {
  expect(claimedName(incoming(['Authorization', basic('alice', '')]))).toBe('alice');
  expect(claimedName(incoming(['Authorization', basic('alice', ''), ...mozilla]))).toBeUndefined();
  expect(claimedName(incoming(['Authorization', 'Bearer x']))).toBeUndefined();
  expect(claimedName(incoming())).toBeUndefined();
});
