import type { Clock } from 'rm-protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Authenticator, CredentialsByKind, Verdict } from '../authenticators.ts';
import type { CredentialKind } from '../identity.ts';
import type { UserRecord } from '../store.ts';

export interface AuthenticatorHarness<Kind extends CredentialKind> {
  readonly authenticator: Authenticator<Kind>;
  readonly clock: Clock;
  readonly user: UserRecord;
  /** Credentials that prove `user`. */
  readonly valid: CredentialsByKind[Kind];
  /** Of `user`, with a wrong secret. */
  readonly wrong: CredentialsByKind[Kind];
  /** Of nobody. */
  readonly unknown: CredentialsByKind[Kind];
  /** The same credentials with this in the place of the secret. */
  withSecret(secret: string): CredentialsByKind[Kind];
  /** Units of costly work so far: hashes, look-ups, questions to a directory. */
  work(): number;
  /** The valid credentials must not count any more: the user is removed, logged out, or has another password. */
  revoke(): Promise<void>;
  close(): Promise<void>;
}

/** Secrets that somebody may send to find out what happens. */
const hostile: readonly (readonly [name: string, secret: string])[] = [
  ['nothing', ''],
  ['a NUL', 'won\0derland'],
  ['a megabyte', 'a'.repeat(1 << 20)],
  ['no valid Unicode', '\ud800'],
  ['characters of filters and paths', '*)(uid=*))(|(uid=*../../'],
  ['a name of Object.prototype', '__proto__'],
];

/** What every authenticator keeps to. `open`: one with a user, for each test. */
export function authenticatorConformance<Kind extends CredentialKind>(
  open: () => Promise<AuthenticatorHarness<Kind>>,
): void {
  describe('authenticator', () => {
    let harness: AuthenticatorHarness<Kind>;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    const prove = async (credentials: CredentialsByKind[Kind]): Promise<Verdict> =>
      harness.authenticator.prove(credentials, { address: '192.0.2.1', clock: harness.clock });
    const isProof = (verdict: Verdict) => verdict !== null && 'user' in verdict;

    async function workOf(credentials: CredentialsByKind[Kind]): Promise<number> {
      const before = harness.work();
      await prove(credentials);
      return harness.work() - before;
    }

    test('has a name for the audit log', () => {
      expect(harness.authenticator.name).toMatch(/^[a-z][a-z0-9-]{0,31}$/);
    });

    test('proves the user, as it is in the store, for a time that is not over', async () => {
      const verdict = await prove(harness.valid);
      expect(verdict).toMatchObject({ user: harness.user });
      if (!verdict || !('user' in verdict)) throw new Error('not proven');
      expect(verdict.until).toBeGreaterThan(harness.clock.date());
      expect([null, harness.user.uid]).toContain(verdict.session?.user.uid ?? null);
    });

    test('proves the user again, and two at once', async () => {
      const verdicts = await Promise.all([prove(harness.valid), prove(harness.valid)]);
      expect([...verdicts, await prove(harness.valid)].map(isProof)).toEqual([true, true, true]);
    });

    test('proves nobody by a wrong secret, and by one of nobody', async () => {
      expect([await prove(harness.wrong), await prove(harness.unknown)].map(isProof)).toEqual([false, false]);
    });

    test('does the same work for a wrong secret and for one of nobody', async () => {
      expect(await workOf(harness.unknown)).toBe(await workOf(harness.wrong));
    });

    test('names no secret in what it says', async () => {
      const [wrong, secret] = [await prove(harness.withSecret('open-sesame')), 'open-sesame'];
      expect(JSON.stringify(wrong)).not.toContain(secret);
    });

    test.each(hostile)('proves nobody by %s, and says so in order', async (_name, secret) => {
      expect(isProof(await prove(harness.withSecret(secret)))).toBe(false);
    });

    test('proves nobody once the credentials are revoked', async () => {
      await prove(harness.valid);
      await harness.revoke();
      expect(isProof(await prove(harness.valid))).toBe(false);
    });
  });
}
