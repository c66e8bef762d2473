import { pino } from 'pino';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Denied, LogInVerdict } from '../authentication/log-in.ts';
import type { UserAuthentication } from '../authentication/user-authentication.ts';
import type { Origin } from '../http/origin.ts';
import type { Session } from '../ports/identity.ts';
import type { UserRecord } from '../ports/store.ts';
import { refusals } from '../refusals/catalogue.ts';
import type { Sessions } from '../sessions/sessions.ts';
import { incoming } from '../testing/incoming.ts';
import { identify, identifyByProxyHeader } from './identify.ts';

const user = { name: 'alice' } as UserRecord;
const alice = {
  user,
  session: null,
  until: Number.POSITIVE_INFINITY,
  by: 'x',
  credential: 'password',
} as const;
const origin: Origin = { protocol: 'https', authority: 'h', address: '192.0.2.1', forwardedFor: '192.0.2.1' };
const basic = 'Basic YTpi';

let asked: unknown[];
let logged: Record<string, unknown>[];
let verdict: LogInVerdict;
const context = {
  users: {
    authenticate: async (_request: unknown, at: unknown) => {
      asked.push(at);
      return verdict;
    },
    byHeader: async (value: unknown, _request: unknown, at: unknown) => {
      asked.push(value, at);
      return verdict;
    },
  } as unknown as UserAuthentication,
  sessions: {
    find: async (secret: string, place: unknown) => {
      asked.push(secret, place);
      return secret === 'good' ? ({ kind: 'device', user, expires: 7 } as Session) : null;
    },
  } as unknown as Sessions,
  log: pino({ level: 'debug' }, { write: (line: string) => void logged.push(JSON.parse(line)) }),
};
beforeEach(() => {
  [asked, logged] = [[], []];
  verdict = alice;
});

describe('on the host of a device', () => {
  const at = (rawHeaders: readonly string[] = [], from = origin) =>
    identify(context, incoming(rawHeaders), { kind: 'device', label: 'dev1-80' }, from);

  test('each port has a session of its own', async () => {
    expect(await at()).toEqual({ identity: alice, label: 'dev1-80' });
    await at([], { ...origin, protocol: 'http' });
    const place = { kind: 'device', device: 'dev1-80' };
    expect(asked).toEqual([
      { place, secure: true, address: '192.0.2.1' },
      { place, secure: false, address: '192.0.2.1' },
    ]);
    expect(logged).toEqual([]);
  });

  test('who proves nobody is asked to log in; the log tells of credentials alone', async () => {
    verdict = { denied: 'refused' };
    expect(await at()).toBe(refusals.logIn);
    expect(logged).toEqual([]);
    expect(await at(['Authorization', basic])).toBe(refusals.logIn);
    expect(logged).toMatchObject([
      { level: 20, address: '192.0.2.1', reason: 'refused', msg: 'log-in refused' },
    ]);
    expect(await at(['Proxy-Authorization', basic])).toBe(refusals.proxyLogIn);
  });
});

test('on the shared host the session names the device', async () => {
  const at = (cookie: string) => identify(context, incoming(['Cookie', cookie]), { kind: 'shared' }, origin);
  const cookie = '__Host-rm-device-session=';
  expect(await at(`${cookie}bad.dev1; ${cookie}good.dev2`)).toMatchObject({
    identity: { user, until: 7, by: 'session' },
    label: 'dev2',
  });
  expect(asked).toEqual([
    ...['bad', { kind: 'device', device: '*dev1' }],
    ...['good', { kind: 'device', device: '*dev2' }],
  ]);
  expect(await at(`${cookie}bad.dev1`)).toBe(refusals.logIn);
  expect(await at('rm-device-session=good.dev2')).toBe(refusals.logIn);
});

describe('by CONNECT', () => {
  const at = (rawHeaders: readonly string[], from = origin) =>
    identifyByProxyHeader(context, incoming(rawHeaders, { method: 'CONNECT' }), from);

  test('one header counts, and no other', async () => {
    expect(await at(['Authorization', basic, 'Cookie', 'rm-session=x'])).toBe(refusals.proxyLogIn);
    expect(asked).toEqual([]);
    expect(await at(['Proxy-Authorization', basic])).toEqual({ identity: alice, label: null });
    await at(['Proxy-Authorization', basic], { ...origin, protocol: 'http' });
    expect(asked).toEqual([
      ...[basic, { secure: true, address: '192.0.2.1' }],
      ...[basic, { secure: false, address: '192.0.2.1' }],
    ]);
  });

  test('refusals are in the words of a proxy', async () => {
    const denied = async (given: Denied) => {
      verdict = given;
      return at(['Proxy-Authorization', basic]);
    };
    expect(await denied({ denied: 'refused' })).toBe(refusals.proxyLogIn);
    expect(await denied({ denied: 'busy' })).toBe(refusals.busy);
    expect(await denied({ denied: 'throttled', waitMs: 1000 })).toMatchObject({ status: 429 });
    expect(await denied({ denied: 'oneTimePassword', user, by: 'password' })).toEqual({
      ...refusals.oneTimePassword,
      status: 407,
      headers: { 'Proxy-Authenticate': 'Bearer realm="Reflector"', 'X-Authenticate': 'TOTP' },
    });
  });
});
