import { createHmac } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { StoreCache } from '../cache/store-cache.ts';
import { defaultLimits } from '../limits.ts';
import type { UserRecord } from '../ports/store.ts';
import { SqliteStore } from '../store/sqlite-store.ts';
import { Sessions } from './sessions.ts';
import { Tokens } from './tokens.ts';

const key = Buffer.alloc(32, 1);

function encode(part: unknown): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

function signed(head: unknown, payload: unknown, secret: Buffer = key): string {
  const text = `${encode(head)}.${encode(payload)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

describe('tokens', () => {
  let store: SqliteStore;
  let clock: ManualClock;
  let sessions: Sessions;
  let tokens: Tokens;
  let token: string;
  let expires: number;
  beforeEach(async () => {
    store = SqliteStore.open(':memory:');
    await store.users.add('alice', 'hash 1', 0, 'user');
    clock = new ManualClock();
    const cache = new StoreCache(store, clock, defaultLimits);
    const later = (_key: string, write: () => Promise<void>) => void write();
    sessions = new Sessions(
      { store: store, cache, clock, limits: defaultLimits, later },
      { absoluteMs: 1000, idleMs: 1000 },
    );
    tokens = new Tokens(key, 60, sessions, clock);
    ({ token, expires } = await issue());
  });

  async function issue(): Promise<{ token: string; expires: number }> {
    const user = (await store.users.get('alice')) as UserRecord;
    const issued = await tokens.issue(user, { application: 'app', address: '192.0.2.1' });
    if (!issued) throw new Error('no token');
    return issued;
  }

  test('are good for their user until they expire, however long nobody uses them', async () => {
    expect(expires).toBe(clock.date() / 1000 + 60);
    expect(await tokens.verify(token)).toMatchObject({ kind: 'token', agent: 'app', address: '192.0.2.1' });
    clock.advance(59_999);
    expect((await tokens.verify(token))?.user.name).toBe('alice');
    clock.advance(1);
    expect(await tokens.verify(token)).toBeNull();
  });

  test('end with the password or the user', async () => {
    await store.users.setPassword('alice', 'hash 2');
    expect(await tokens.verify(token)).toBeNull();
    const { token: second } = await issue();
    await store.users.remove('alice', true);
    await store.users.add('alice', 'hash 3', 0, 'user');
    expect(await tokens.verify(second)).toBeNull();
  });

  test('can be revoked, one or all', async () => {
    const [second, third] = [(await issue()).token, (await issue()).token];
    const session = await tokens.verify(token);
    expect(session && (await sessions.end(session))).toBe(true);
    expect([await tokens.verify(token), (await tokens.verify(second))?.user.name]).toEqual([null, 'alice']);
    expect(await sessions.endAll('alice')).toBe(2);
    expect([await tokens.verify(second), await tokens.verify(third)]).toEqual([null, null]);
  });

  test('are not given to a user who has gone', async () => {
    const user = (await store.users.get('alice')) as UserRecord;
    await store.users.remove('alice', true);
    expect(await tokens.issue(user, { application: '', address: '' })).toBeNull();
  });

  test('of another key, another algorithm or with a changed part are refused', async () => {
    const payload = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    const head = { alg: 'HS256', typ: 'JWT' };
    expect((await tokens.verify(signed(head, payload)))?.user.name).toBe('alice');
    const [first, , signature] = token.split('.');
    for (const text of [
      signed(head, payload, Buffer.alloc(32, 2)),
      signed({ alg: 'none', typ: 'JWT' }, payload),
      `${encode({ alg: 'none' })}.${encode(payload)}.`,
      `${first}.${encode({ ...payload, sub: 'bob' })}.${signature}`,
      // Of an earlier version, without a session; and of nobody.
      signed(head, { ...payload, jti: undefined }),
      signed(head, { ...payload, sub: 'bob' }),
      signed(head, { ...payload, jti: [payload.jti] }),
      // The session would last longer.
      signed(head, { ...payload, exp: clock.date() / 1000 }),
      signed(head, { ...payload, exp: clock.date() / 1000 - 1 }),
      signed(head, { ...payload, exp: `${payload.exp}` }),
      `${first}.${encode(payload)}.${signature?.slice(4)}`,
      `${first}`,
      `${first}.`,
      `${token}.x`,
      '',
      '.',
      '..',
      'a.b.c',
    ]) {
      expect(await tokens.verify(text)).toBeNull();
    }
  });

  test('are no cookie, and a cookie is no token', async () => {
    const payload = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    expect(await sessions.find(payload.jti, { kind: 'own' })).toBeNull();
    const user = (await store.users.get('alice')) as UserRecord;
    const secret = (await sessions.create(user, { kind: 'own', address: '', agent: '' }))?.secret;
    expect(await tokens.verify(signed({ alg: 'HS256', typ: 'JWT' }, { ...payload, jti: secret }))).toBeNull();
  });
});
