import { pbkdf2Sync } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { SimulatedHost } from '../../../simulation/host.ts';
import { pageLimits } from './limits.ts';
import { hashPassword, isPasswordHash, verifyPassword } from './password-hash.ts';

let host: SimulatedHost;

beforeEach(() => {
  host = new SimulatedHost();
});

const judged = (password: string, hash: string): boolean | null => {
  let verdict: boolean | null = null;
  verifyPassword(host, password, hash, (right) => {
    verdict = right;
  });
  expect(verdict).toBe(null);
  host.clock.advance(1000);
  return verdict;
};

/** As Node derives it. */
const stored = (password: string, rounds: number, salt = Buffer.from('0123456789abcdef')) =>
  `pbkdf2-sha256$${rounds}$${salt.toString('base64')}$${pbkdf2Sync(password, salt, rounds, 32, 'sha256').toString('base64')}`;

describe('the hash of a password', () => {
  it.each([
    ['short', 1],
    ['päßwörd with ünicode', 2],
    ['longer than a block of the digest '.repeat(4), 7],
    ['many rounds', 2 * pageLimits.roundsAtOnce + 1],
  ])('is that of PBKDF2: %s', (password, rounds) => {
    expect(judged(password, stored(password, rounds))).toBe(true);
    expect(judged(`${password} `, stored(password, rounds))).toBe(false);
  });

  it('is made with a new salt, and verified', () => {
    const hashes: string[] = [];
    for (let n = 0; n < 2; n++) hashPassword(host, 'a password', 500, (hash) => hashes.push(hash));
    host.clock.advance(1000);
    expect(new Set(hashes).size).toBe(2);
    for (const hash of hashes) {
      expect(hash).toMatch(/^pbkdf2-sha256\$500\$/);
      expect(judged('a password', hash)).toBe(true);
    }
  });

  it.each([
    '',
    'pbkdf2-sha256$1$AAAAAAAAAAAAAAAAAAAAAA==$',
    'pbkdf2-sha256$0$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
    `pbkdf2-sha256$${pageLimits.mostRounds + 1}$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=`,
    stored('x', 1).replace('sha256', 'sha1'),
  ])('is refused as %j', (hash) => {
    expect(isPasswordHash(hash)).toBe(false);
    expect(judged('x', hash)).toBe(false);
  });
});
