import { createHash, randomBytes } from 'node:crypto';
import { asciiLowerCase } from '../ascii-case.ts';

const count = 10;
const alphabet = 'abcdefghijkmnpqrstuvwxyz23456789';

/** Ten codes of 80 random bits, each good once in place of a one-time password: `abcd-efgh-jkmn-pqrs`. */
export function makeRecoveryCodes(): string[] {
  return Array.from({ length: count }, () => {
    const text = Array.from(randomBytes(16), (byte) => alphabet.charAt(byte & 31)).join('');
    return text.replaceAll(/.{4}(?=.)/g, '$&-');
  });
}

/** What the store keeps of a code. It has too many bits to be guessed: a plain digest will do. */
export function recoveryHash(code: string): Buffer {
  return createHash('sha256').update(asciiLowerCase(code).replaceAll(/[\s-]/g, '')).digest();
}
