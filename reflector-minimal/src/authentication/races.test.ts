import { beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { StoreCache } from '../cache/store-cache.ts';
import { defaultLimits } from '../limits.ts';
import { recoveryHash } from '../one-time-password/recovery-codes.ts';
import { stepAt, totpCode } from '../one-time-password/totp.ts';
import { type Claim, PasswordVerifier } from '../passwords/verifier.ts';
import type { Store } from '../ports/store.ts';
import { Sessions } from '../sessions/sessions.ts';
import { accountOf } from '../testing/account-of.ts';
import { cheapHash } from '../testing/memory-users.ts';
import { RemoteData } from '../testing/remote-store.ts';
import { settled } from '../testing/settled.ts';
import { LogIn } from './log-in.ts';
import { passwordAuthenticator } from './password-authenticator.ts';

// Between a check and its use the store may take its time: nothing is decided twice, or by what was true before.

const hash = cheapHash('wonderland');
const secret = Buffer.from('12345678901234567890');

let store: Store;
let clock: ManualClock;
let logIn: LogIn;
let verified: string[];
/** What verifications wait for. */
let hashing: Promise<void>;
let sessions: Sessions;

beforeEach(async () => {
  store = new RemoteData().open();
  clock = new ManualClock();
  verified = [];
  const verifier = new PasswordVerifier(defaultLimits);
  const verify = verifier.verify.bind(verifier);
  hashing = Promise.resolve();
  verifier.verify = async (claim: Claim, stored) => {
    verified.push(claim.password);
    await hashing;
    return verify(claim, stored);
  };
  const cache = new StoreCache(store, clock, defaultLimits);
  const key = Buffer.alloc(32, 1);
  const { users } = store;
  const passwords = [passwordAuthenticator({ users, cache, verifier })];
  logIn = new LogIn({ users, cache, key, passwords, verifier, clock, limits: defaultLimits });
  sessions = new Sessions(
    { store, cache, clock, limits: defaultLimits, later: () => {} },
    { absoluteMs: 3600_000, idleMs: 3600_000 },
  );
  await store.users.add('alice', hash, 0, 'user');
});

async function attempt(code: string | null = null, password = 'wonderland'): Promise<string> {
  const verdict = await logIn.check({ name: 'alice', password, code, address: '192.0.2.1', marks: [] });
  return 'denied' in verdict ? verdict.denied : verdict.user.name;
}

function times<T>(count: number, run: (n: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => run(n)));
}

test('of several who bring one one-time password, one is let in', async () => {
  await store.users.setTotp(await accountOf(store, 'alice'), { secret, step: 0, recovery: [] });
  const code = totpCode(secret, stepAt(clock.date()));
  const verdicts = await times(4, () => attempt(code));
  expect(verdicts.sort()).toEqual(['alice', 'refused', 'refused', 'refused']);
});

test('of several who bring one recovery code, one is let in', async () => {
  const recovery = [recoveryHash('abcd-efgh-jkmn-pqrs')];
  await store.users.setTotp(await accountOf(store, 'alice'), { secret, step: 0, recovery });
  const verdicts = await times(4, () => attempt('abcd-efgh-jkmn-pqrs'));
  expect(verdicts.sort()).toEqual(['alice', 'refused', 'refused', 'refused']);
});

test('what follows another password is no part of a check that began before it', async () => {
  let hashed = () => {};
  hashing = new Promise((resolve) => {
    hashed = resolve;
  });
  const before = [attempt(), attempt(null, 'another')];
  while (verified.length < 2) await settled();
  await store.users.setPassword('alice', cheapHash('another'));
  const after = [attempt(), attempt(null, 'another')];
  await settled();
  hashed();
  expect(await Promise.all(before)).toEqual(['alice', 'refused']);
  expect(await Promise.all(after)).toEqual(['refused', 'alice']);
});

test('requests at once with one password are one check', async () => {
  expect(await times(4, () => attempt(null, 'wrong'))).toEqual(Array(4).fill('refused'));
  expect(verified).toEqual(['wrong']);
});

test('a code of a secret that is replaced meanwhile lets nobody in', async () => {
  await store.users.setTotp(await accountOf(store, 'alice'), { secret, step: 0, recovery: [] });
  const ticket = logIn.secondFactor.ticket(await accountOf(store, 'alice'));
  const code = totpCode(secret, stepAt(clock.date()));
  const entering = logIn.complete(ticket, code, { address: '192.0.2.1', marks: [] });
  const account = await accountOf(store, 'alice');
  await store.users.setTotp(account, { secret: Buffer.alloc(20, 1), step: 0, recovery: [] });
  expect(await entering).toEqual({ denied: 'refused' });
});

test('guesses side by side are no more than guesses one after the other', async () => {
  const verdicts = await times(40, (n) => attempt(null, `guess ${n}`));
  expect(verdicts.filter((verdict) => verdict === 'refused')).toHaveLength(defaultLimits.logInFailures);
  expect(verified).toHaveLength(defaultLimits.logInFailures);
});

test('guesses of one-time passwords side by side are no more than one after the other', async () => {
  await store.users.setTotp(await accountOf(store, 'alice'), { secret, step: 0, recovery: [] });
  const ticket = logIn.secondFactor.ticket(await accountOf(store, 'alice'));
  const verdicts = await times(20, async (n) => {
    const verdict = await logIn.complete(ticket, `00000${n % 10}`, { address: '192.0.2.1', marks: [] });
    return 'denied' in verdict && verdict.denied;
  });
  expect(verdicts.filter((verdict) => verdict === 'refused')).toHaveLength(
    defaultLimits.secondFactorFailures,
  );
});

test('of two who replace one password, one does', async () => {
  const former = await accountOf(store, 'alice');
  const changed = await Promise.all([
    logIn.setPassword(former, 'first one'),
    logIn.setPassword(former, 'second'),
  ]);
  expect(changed.filter((user) => user !== null)).toHaveLength(1);
});

test('a password that is changed while somebody logs in with it opens no session', async () => {
  const verdict = await logIn.check({
    name: 'alice',
    password: 'wonderland',
    code: null,
    address: '192.0.2.1',
    marks: [],
  });
  if ('denied' in verdict) throw new Error(verdict.denied);
  const [, opened] = await Promise.all([
    store.users.setPassword('alice', 'another hash'),
    sessions.create(verdict.user, { kind: 'own', address: '', agent: '' }),
  ]);
  expect(opened && (await sessions.find(opened.secret, { kind: 'own' }))).toBeNull();
});

test('a session that ends while a request of it is decided is gone for the next one', async () => {
  const user = await accountOf(store, 'alice');
  const opened = await sessions.create(user, { kind: 'own', address: '', agent: '' });
  if (!opened) throw new Error('no session');
  const [, ended] = await Promise.all([
    sessions.find(opened.secret, { kind: 'own' }),
    sessions.end(opened.session),
  ]);
  expect([ended, await sessions.find(opened.secret, { kind: 'own' })]).toEqual([true, null]);
});
