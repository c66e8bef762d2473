import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';

/** scrypt (RFC 7914) parameters. Memory is `128 * N * r` bytes. */
interface Cost {
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

/** 16 MiB and some 40 ms: what a small server can pay when its devices all come back at once. */
const cost: Cost = { logN: 14, r: 8, p: 1 };
const little: Cost = { logN: 4, r: 8, p: 1 };
const saltBytes = 16;
const keyBytes = 32;

function derive(password: string, salt: Buffer, { logN, r, p }: Cost, length: number): Promise<Buffer> {
  const N = 2 ** logN;
  const options: ScryptOptions = { N, r, p, maxmem: 256 * N * r };
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, length, options, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}

/** A salted hash as text that names its own parameters: `scrypt:ln=14,r=8,p=1:<salt>:<key>`, both in base64url. */
export function hashPassword(password: string): Promise<string> {
  return hashAt(cost, password);
}

/** The same at next to no cost, for passwords of at least 128 random bits: nobody guesses those, whatever a guess costs. */
export function hashGeneratedPassword(password: string): Promise<string> {
  return hashAt(little, password);
}

async function hashAt(at: Cost, password: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const key = await derive(password, salt, at, keyBytes);
  const parameters = `ln=${at.logN},r=${at.r},p=${at.p}`;
  return `scrypt:${parameters}:${salt.toString('base64url')}:${key.toString('base64url')}`;
}

const pattern = /^scrypt:ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2}):([\w-]{16,}):([\w-]{16,})$/;

/** Whether `stored`, made by {@link hashPassword}, is of this password; the keys are compared in constant time. */
export async function matchesHash(password: string, stored: string): Promise<boolean> {
  const [, logN, r, p, salt = '', key = ''] = pattern.exec(stored) ?? [];
  if (!logN) return false;
  const expected = Buffer.from(key, 'base64url');
  const parameters = { logN: Number(logN), r: Number(r), p: Number(p) };
  const actual = await derive(password, Buffer.from(salt, 'base64url'), parameters, expected.length);
  return timingSafeEqual(actual, expected);
}

/** What an unknown name is verified against, so that the time taken does not tell whether a name exists. */
export const nobodysHash = `scrypt:ln=${cost.logN},r=${cost.r},p=${cost.p}:${'A'.repeat(22)}:${'A'.repeat(43)}`;

/** 128 random bits as 26 characters that are easy to read out and to type: no capitals, no 0, 1, l or o. */
export function generatePassword(): string {
  const alphabet = 'abcdefghijkmnpqrstuvwxyz23456789';
  return Array.from(randomBytes(26), (byte) => alphabet.charAt(byte & 31)).join('');
}
