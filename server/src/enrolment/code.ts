import { randomInt } from 'node:crypto';

/** Letters and digits that nobody takes for another. */
const alphabet = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';

/** A new code for a person to read and type: 40 random bits as `XXXX-XXXX`. */
export function newCode(): string {
  const letters = Array.from({ length: 8 }, () => alphabet.charAt(randomInt(alphabet.length)));
  return `${letters.slice(0, 4).join('')}-${letters.slice(4).join('')}`;
}

/** The code that somebody has typed, however they write it; `null`: it cannot be one. */
export function readCode(text: string): string | null {
  const letters = text.toUpperCase().replace(/[\s-]/g, '');
  return /^[A-Z2-9]{8}$/.test(letters) ? `${letters.slice(0, 4)}-${letters.slice(4)}` : null;
}
