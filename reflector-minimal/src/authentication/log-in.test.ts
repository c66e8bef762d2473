import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { StoreCache } from '../cache/store-cache.ts';
import { defaultLimits, type Limits } from '../limits.ts';
import { makeRecoveryCodes, recoveryHash } from '../one-time-password/recovery-codes.ts';
import { stepAt, totpCode } from '../one-time-password/totp.ts';
import { PasswordVerifier } from '../passwords/verifier.ts';
import { SqliteStore } from '../store/sqlite-store.ts';
import { accountOf } from '../testing/account-of.ts';
import { cheapHash, MemoryUsers } from '../testing/memory-users.ts';
import { type Attempt, LogIn } from './log-in.ts';
import { passwordAuthenticator } from './password-authenticator.ts';

const hash = cheapHash('wonderland');
const secret = Buffer.from('12345678901234567890');
const minute = 60_000;

describe('the log-in', () => {
  let store: SqliteStore;
  let clock: ManualClock;
  let logIn: LogIn;
  beforeEach(async () => {
    store = SqliteStore.open(':memory:');
    await store.users.add('alice', hash, 0, 'user');
    clock = new ManualClock();
    logIn = make();
  });

  function make(limits: Partial<Limits> = {}): LogIn {
    const all = { ...defaultLimits, ...limits };
    const { users } = store;
    const cache = new StoreCache(store, clock, all);
    const verifier = new PasswordVerifier(all);
    return new LogIn({
      users,
      cache,
      key: Buffer.alloc(32, 1),
      passwords: [passwordAuthenticator({ users, cache, verifier })],
      verifier,
      clock,
      limits: all,
    });
  }

  const uidOf = async (name: string) => (await store.users.get(name))?.uid ?? name;

  async function attempt(given: Partial<Attempt> = {}): Promise<string> {
    const verdict = await logIn.check({
      name: 'alice',
      password: 'wonderland',
      code: null,
      address: '192.0.2.1',
      marks: [],
      ...given,
    });
    if (!('denied' in verdict)) return verdict.user.name;
    return verdict.denied === 'throttled' ? `wait ${verdict.waitMs}` : verdict.denied;
  }

  /** Wrong passwords until one has to wait; how many were tried. */
  async function guess(given: (n: number) => Partial<Attempt> = () => ({})): Promise<number> {
    for (let n = 0; n < 100; n++) {
      const verdict = await attempt({ password: `guess ${n}`, ...given(n) });
      if (verdict.startsWith('wait')) return n;
      expect(verdict).toBe('refused');
    }
    return 100;
  }

  const elsewhere = (n: number) => ({ address: `198.51.100.${n}` });

  test('takes the right password alone', async () => {
    expect(await attempt()).toBe('alice');
    expect(await attempt({ password: 'Wonderland' })).toBe('refused');
    expect(await attempt({ name: 'bob' })).toBe('refused');
    expect(await attempt({ name: '' })).toBe('refused');
  });

  test('logInFailures, logInWaitMs: one address has to wait, for whichever account, and for no longer than logInWaitMs', async () => {
    expect(await guess((n) => ({ name: `user${n}` }))).toBe(10);
    expect(await attempt()).toBe('wait 1000');
    expect(await attempt({ address: '192.0.2.2' })).toBe('alice');
    for (let i = 0; i < 10; i++) {
      clock.advance(minute);
      expect(await attempt({ password: 'wrong' })).toBe('refused');
    }
    expect(await attempt({ name: 'bob' })).toBe('wait 60000');
    clock.advance(defaultLimits.logInWaitMs);
    expect(await attempt()).toBe('alice');
  });

  test('addresses of one IPv6 network are one', async () => {
    expect(await guess((n) => ({ name: `user${n}`, address: `2001:db8:1:2::${n}` }))).toBe(10);
    expect(await attempt({ address: '2001:db8:1:2:ffff::1' })).toBe('wait 1000');
    expect(await attempt({ address: '2001:db8:1:3::1' })).toBe('alice');
  });

  test('logInFailuresPerSite: nor are the networks of one IPv6 site as many as they look', async () => {
    logIn = make({ logInFailuresPerSite: 20 });
    const from = (n: number) => ({ name: `user${n}`, address: `2001:db8:1:${n}::1` });
    expect(await guess(from)).toBe(20);
    expect(await attempt({ address: '2001:db8:1:ffff::1' })).toBe('wait 1000');
    expect(await attempt({ address: '2001:db8:2:1::1' })).toBe('alice');
  });

  test('an account that is guessed at from many addresses makes strangers wait, whether it exists or not', async () => {
    expect(await guess(elsewhere)).toBe(10);
    expect(await attempt({ address: '203.0.113.1' })).toBe('wait 1000');
    expect(await guess((n) => ({ name: 'nobody', address: `203.0.113.${n + 10}` }))).toBe(10);
  });

  test('its user gets in from an address, or a browser, that is known', async () => {
    expect(await attempt()).toBe('alice');
    const marks = [logIn.browsers.mark(await uidOf('alice'))];
    await guess(elsewhere);
    expect(await attempt({ address: '203.0.113.1' })).toBe('wait 1000');
    expect(await attempt()).toBe('alice');
    expect(await attempt({ address: '203.0.113.1', marks })).toBe('alice');
    expect(await attempt({ address: '203.0.113.2', marks: [logIn.browsers.mark(await uidOf('bob'))] })).toBe(
      'wait 1000',
    );
    expect(
      await attempt({ address: '203.0.113.2', marks: ['x', `${'A'.repeat(16)}.${'A'.repeat(43)}`] }),
    ).toBe('wait 1000');
  });

  test('a known place is no way to guess without end', async () => {
    await attempt();
    expect(await guess()).toBe(10);
    // The right one is remembered as verified, and is not told apart from wrong ones either.
    expect(await attempt()).toBe('wait 1000');
    clock.advance(1000);
    expect(await attempt()).toBe('alice');
    const marks = [logIn.browsers.mark(await uidOf('alice'))];
    expect(await guess((n) => ({ ...elsewhere(n), marks }))).toBe(10);
  });

  test('who knows a password of their own cannot clear what is counted of others', async () => {
    await store.users.add('mallory', hash, 0, 'user');
    for (let n = 0; n < 9; n++) await attempt({ password: `guess ${n}` });
    expect(await attempt({ name: 'mallory' })).toBe('mallory');
    expect(await guess()).toBe(1);
  });

  test('logInMemoryMs: what failed long ago is forgotten', async () => {
    await guess();
    clock.advance(defaultLimits.logInMemoryMs);
    expect(await guess()).toBe(10);
  });

  test('logInsRemembered: made-up names, and addresses, fill no memory; an account is not forgotten for them', async () => {
    logIn = make({ logInsRemembered: 5, logInFailures: 2 });
    expect(await guess((n) => ({ address: `198.51.100.${n}` }))).toBe(2);
    // From too many addresses to be remembered; each is new.
    for (let n = 0; n < 4; n++) await attempt({ name: `x${n}`, address: `203.0.113.${n}` });
    expect(await attempt({ address: '198.51.100.77' })).toBe('wait 1000');
  });

  test('logInsRemembered: the place known for longest is forgotten', async () => {
    logIn = make({ logInsRemembered: 2, logInFailures: 2 });
    for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3'])
      expect(await attempt({ address })).toBe('alice');
    await guess((n) => ({ address: `198.51.100.${n}` }));
    expect(await attempt({ address: '192.0.2.3' })).toBe('alice');
    expect(await attempt({ address: '192.0.2.1' })).toBe('wait 1000');
  });

  test('the same credentials side by side are checked once', async () => {
    logIn = make({ logInFailures: 1, verificationsWaiting: 1 });
    const all = await Promise.all(Array.from({ length: 30 }, () => attempt()));
    expect(new Set(all)).toEqual(new Set(['alice']));
    const wrong = await Promise.all(
      Array.from({ length: 30 }, () => attempt({ password: 'x', name: 'bob' })),
    );
    expect(new Set(wrong)).toEqual(new Set(['refused']));
  });

  test('others side by side wait their turn, and only so many', async () => {
    logIn = make({ logInFailures: 2, verificationsWaiting: 3 });
    const all = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => attempt({ password: `guess ${n}` })));
    expect(all).toEqual(['refused', 'refused', 'wait 1000', 'wait 1000', 'wait 1000', 'busy']);
  });

  describe('with one-time passwords', () => {
    const codeAt = (offset = 0) => totpCode(secret, stepAt(clock.date()) + offset);
    beforeEach(async () => {
      await store.users.setTotp(await accountOf(store, 'alice'), { secret, step: 0, recovery: [] });
    });

    test('asks for the code after the right password only, and takes it', async () => {
      expect(await attempt()).toBe('oneTimePassword');
      expect(await attempt({ password: 'wrong' })).toBe('refused');
      expect(await attempt({ password: 'wrong', code: codeAt() })).toBe('refused');
      expect(await attempt({ code: '000000' })).toBe('refused');
      expect(await attempt({ code: codeAt() })).toBe('alice');
    });

    test('no code is good twice, nor one before it', async () => {
      expect(await attempt({ code: codeAt() })).toBe('alice');
      expect(await attempt({ code: codeAt() })).toBe('refused');
      expect(await attempt({ code: codeAt(-1) })).toBe('refused');
      clock.advance(30_000);
      const both = await Promise.all([attempt({ code: codeAt() }), attempt({ code: codeAt() })]);
      expect(both.sort()).toEqual(['alice', 'refused']);
    });

    test('a recovery code is good once', async () => {
      const [first = '', second = ''] = makeRecoveryCodes();
      const recovery = [first, second].map(recoveryHash);
      await store.users.setTotp(await accountOf(store, 'alice'), { secret, step: 0, recovery });
      expect(first).toMatch(/^([a-km-np-z2-9]{4}-){3}[a-km-np-z2-9]{4}$/);
      expect(await attempt({ code: first.toUpperCase().replaceAll('-', ' ') })).toBe('alice');
      expect(await attempt({ code: first })).toBe('refused');
      expect(await attempt({ code: second })).toBe('alice');
    });

    /** Wrong codes that are looked at within `ms`, from one who tries as soon as it is possible. */
    async function guessCodes(
      ms: number,
      given: (n: number) => Partial<Attempt> = elsewhere,
    ): Promise<number> {
      const end = clock.now() + ms;
      for (let n = 0; ; ) {
        const verdict = await attempt({ code: '000000', ...given(n) });
        const wait = Number(/^wait (\d+)$/.exec(verdict)?.[1] ?? 0);
        if (wait === 0) n++;
        if (clock.now() + wait >= end) return n;
        clock.advance(wait);
      }
    }
    const [hour, day] = [3_600_000, 86_400_000];

    test.each([
      ['an hour', hour, 16],
      ['a day', day, 21],
      ['a year', 365 * day, 385],
    ])(
      'secondFactorFailures, secondFactorWaitMs: who knows the password has few guesses in %s',
      async (_time, ms, most) => {
        // Addresses enough that they are no hindrance.
        logIn = make({ logInFailures: 1_000_000 });
        expect(await guessCodes(ms, (n) => ({ address: `10.0.${n >> 8}.${n & 255}` }))).toBe(most);
      },
    );

    test('secondFactorMemoryMs: what was wrong long ago is forgotten, but not for its pauses', async () => {
      logIn = make({ logInFailures: 1_000_000 });
      expect(await guessCodes(hour)).toBe(16);
      clock.advance(defaultLimits.secondFactorMemoryMs - hour);
      expect(await guessCodes(hour)).toBe(1);
      clock.advance(defaultLimits.secondFactorMemoryMs);
      expect(await guessCodes(hour)).toBe(16);
    });

    test('does not keep the user waiting who was there before, for the codes that others try', async () => {
      expect(await attempt({ code: codeAt() })).toBe('alice');
      const marks = [logIn.browsers.mark(await uidOf('alice'))];
      await guessCodes(day);
      expect(await attempt({ code: codeAt(), address: '203.0.113.1' })).toMatch(/^wait \d{7,}$/);
      expect(await attempt({ code: codeAt() })).toBe('alice');
      clock.advance(minute);
      expect(await attempt({ code: codeAt(), address: '203.0.113.1', marks })).toBe('alice');
      // From the address that the user has, they do not wait for what is tried there, in the browser that is known.
      await guessCodes(day, () => ({}));
      expect(await attempt({ code: codeAt() })).toMatch(/^wait/);
      expect(await attempt({ code: codeAt(), marks })).toBe('alice');
    });

    test('another password begins anew: who guesses does not have it', async () => {
      logIn = make({ logInFailures: 1_000_000 });
      await guessCodes(day);
      const other = cheapHash('looking-glass');
      await store.users.setPassword('alice', other);
      const place = { address: '203.0.113.1', password: 'looking-glass' };
      expect(await attempt({ ...place, code: codeAt() })).toBe('alice');
    });

    test('secondFactorMs: a ticket stands for the password, for a time and this password and secret', async () => {
      const user = await store.users.get('alice');
      if (!user) throw new Error('no user');
      const ticket = logIn.secondFactor.ticket(user);
      const complete = async (given: string, code: string) => {
        const verdict = await logIn.complete(given, code, { address: '192.0.2.1', marks: [] });
        return 'denied' in verdict ? verdict.denied : verdict.user.name;
      };
      expect(await complete(ticket, '000000')).toBe('refused');
      expect(await complete(ticket, codeAt())).toBe('alice');
      const [body = '', mac = ''] = ticket.split('.');
      const forged = Buffer.from(JSON.stringify({ user: 'alice', until: 1e15 })).toString('base64url');
      clock.advance(minute);
      for (const wrong of ['', 'a.b', `${forged}.${mac}`, `${body}.${'A'.repeat(43)}`, `!.${mac}`]) {
        expect(await complete(wrong, codeAt())).toBe('refused');
      }
      clock.advance(defaultLimits.secondFactorMs - minute - 1);
      expect((await logIn.secondFactor.userOf(ticket))?.name).toBe('alice');
      await store.users.setTotp(await accountOf(store, 'alice'), {
        secret: Buffer.alloc(20, 1),
        step: 0,
        recovery: [],
      });
      expect(await logIn.secondFactor.userOf(ticket)).toBeNull();
      await store.users.setTotp(await accountOf(store, 'alice'), { secret, step: 0, recovery: [] });
      clock.advance(1);
      expect(await complete(ticket, codeAt())).toBe('refused');
      await store.users.removeTotp('alice');
      expect(await attempt()).toBe('alice');
    });
  });
});

test('right passwords without a code are no failures', async () => {
  const users = await MemoryUsers.open();
  await users.store.users.setTotp(await users.alice(), { secret, step: 0, recovery: [] });
  const logIn = users.logIn();
  const attempt = { name: 'alice', password: 'wonderland', code: null, address: '192.0.2.1', marks: [] };
  for (let n = 0; n < 2 * users.limits.logInFailures; n++) {
    expect(await logIn.check(attempt)).toMatchObject({ denied: 'oneTimePassword' });
  }
});

test('a fault of ours is no refusal', async () => {
  const users = await MemoryUsers.open();
  const failing = {
    name: 'x',
    accepts: 'password',
    prove: () => Promise.reject(new TypeError('ours')),
  } as const;
  const attempt = { name: 'bob', password: 'x', code: null, address: '192.0.2.1', marks: [] };
  await expect(users.logIn(failing).check(attempt)).rejects.toThrow('ours');
});
