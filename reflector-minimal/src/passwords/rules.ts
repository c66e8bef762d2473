import { commonPasswords } from './common-passwords.ts';

/** Characters. Length is what makes a password; 10 is beyond what is tried on line (NIST SP 800-63B section 5.1.1). */
export const minPasswordLength = 10;
/** Characters. More adds nothing to what a hash of 256 bits can hold. */
const maxPasswordLength = 256;

/** Neighbours on a keyboard, in the alphabet or among the digits, forwards; backwards is looked at too. */
const rows = [
  'abcdefghijklmnopqrstuvwxyz',
  '01234567890',
  'qwertyuiop',
  'qwertzuiop',
  'azertyuiop',
  'asdfghjkl',
  'zxcvbnm',
  'yxcvbnm',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm',
  'qazwsxedcrfvtgbyhnujm',
];

/** Why a password is not taken, as the end of a sentence about it. */
export interface PasswordComplaint {
  /** Of the text, below `passwordRule`. */
  readonly key: string;
  readonly english: string;
  /** In the text. */
  readonly values?: Readonly<Record<string, string | number>>;
}

const complaints = {
  tooShort: {
    key: 'passwordRule.tooShort',
    english: `must have at least ${minPasswordLength} characters`,
    values: { length: minPasswordLength },
  },
  tooLong: {
    key: 'passwordRule.tooLong',
    english: `must have at most ${maxPasswordLength} characters`,
    values: { length: maxPasswordLength },
  },
  controls: { key: 'passwordRule.controls', english: 'must have no control characters' },
  repetition: {
    key: 'passwordRule.repetition',
    english: 'is a repetition, which is among the first that are guessed',
  },
  sequence: {
    key: 'passwordRule.sequence',
    english: 'is a sequence of neighbours, which is among the first that are guessed',
  },
  common: { key: 'passwordRule.common', english: 'is among the most common passwords' },
  name: { key: 'passwordRule.name', english: 'is little more than the name of the user' },
} as const satisfies Readonly<Record<string, PasswordComplaint>>;

/**
 * Why a password chosen by a person is not taken; `null` when it is. No rule asks for digits or signs: they make
 * passwords harder to remember and no harder to guess.
 */
export function passwordComplaint(password: string, user: string): PasswordComplaint | null {
  const plain = password.normalize('NFKC').toLowerCase();
  const length = [...password.normalize('NFC')].length;
  if (length < minPasswordLength) return complaints.tooShort;
  if (length > maxPasswordLength) return complaints.tooLong;
  if (/\p{Cc}/u.test(password)) return complaints.controls;
  if (isRepetition(plain)) return complaints.repetition;
  if (isSequence(plain)) return complaints.sequence;
  if (isCommon(plain)) return complaints.common;
  if (isName(plain, user)) return complaints.name;
  return null;
}

/** One to four characters over and over. */
function isRepetition(text: string): boolean {
  const characters = [...text];
  return [1, 2, 3, 4].some((size) =>
    characters.every((character, at) => at < size || character === characters[at - size]),
  );
}

/** Made of at most two runs of four or more neighbours: `1234567890`, `qwertyuiop`, `abcdefg7654321`. */
function isSequence(text: string): boolean {
  let at = 0;
  let runs = 0;
  while (at < text.length && runs < 2) {
    const run = longestRun(text.slice(at));
    if (run < Math.min(4, text.length - at)) return false;
    at += run;
    runs++;
  }
  return at >= text.length;
}

/** Length of the longest row, either way, that the text begins with. */
function longestRun(text: string): number {
  let longest = 0;
  for (const row of rows.flatMap((forwards) => [forwards, [...forwards].reverse().join('')])) {
    let length = 0;
    while (length < text.length && row.includes(text.slice(0, length + 1))) length++;
    longest = Math.max(longest, length);
  }
  return longest;
}

/** As it is, without the digits and signs around it or in it, or with those read as the letters they look like. */
function isCommon(text: string): boolean {
  const letters = (word: string) => word.replaceAll(/[^\p{L}]/gu, '');
  const read = (word: string) => word.replaceAll(/[013457@$!]/g, (sign) => lookalikes[sign] ?? sign);
  const trimmed = text.replaceAll(/^[^\p{L}]+|[^\p{L}]+$/gu, '');
  return [text, letters(text), read(text), letters(read(text)), letters(read(trimmed))].some(
    // A word among many digits is not what is tried first.
    (word) => word.length * 3 > text.length && (commonPasswords.has(word) || isTwoCommon(word)),
  );
}

const lookalikes: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
};

/** Two in a row, such as `masteradmin` or `welcomewelcome`; longer ones are no longer few. */
function isTwoCommon(word: string): boolean {
  for (let at = 3; at <= word.length - 3; at++) {
    if (commonPasswords.has(word.slice(0, at)) && commonPasswords.has(word.slice(at)))
      return word.length < 16;
  }
  return false;
}

/** The name, with fewer than four other letters or digits. */
function isName(text: string, user: string): boolean {
  const name = user.normalize('NFKC').toLowerCase();
  if (name.length < 3 || !text.includes(name)) return false;
  return [...text.replaceAll(name, '').replaceAll(/[^\p{L}\p{N}]/gu, '')].length < 4;
}
