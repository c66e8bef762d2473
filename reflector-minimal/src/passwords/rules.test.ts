import { expect, test } from 'vitest';
import { commonPasswords } from './common-passwords.ts';
import { passwordComplaint } from './rules.ts';
import { generatePassword } from './scrypt.ts';

const complaint = (password: string) => passwordComplaint(password, 'pumpist7')?.english ?? null;

test.each([
  ['my own', 'at least 10'],
  ['ninechars', 'at least 10'],
  ['ä'.repeat(9), 'at least 10'],
  ['x7'.repeat(129), 'at most 256'],
  ['with a\ttab in it', 'control characters'],
  ['aaaaaaaaaaaa', 'repetition'],
  ['abcabcabcabc', 'repetition'],
  ['12341234123412', 'repetition'],
  ['1234567890', 'sequence'],
  ['0987654321', 'sequence'],
  ['Qwertyuiop', 'sequence'],
  ['abcdefghijk', 'sequence'],
  ['1qaz2wsx3edc', 'sequence'],
  ['qwerty123456', 'sequence'],
  ['password123', 'most common'],
  ['P@ssw0rd2026!', 'most common'],
  ['Welcome2026', 'most common'],
  ['!!Summer2026!!', 'most common'],
  ['adminadmin1', 'most common'],
  ['adminpassword', 'most common'],
  ['iloveyou!!!', 'most common'],
  ['changeme1234', 'most common'],
  ['CorrectHorseBatteryStaple', 'most common'],
  ['pumpist7!!', 'name of the user'],
  ['PUMPIST7-abc', 'name of the user'],
])('%s is not taken', (password, why) => {
  expect(complaint(password)).toContain(why);
});

test.each([
  'operator password',
  'four unrelated words here',
  'kettle-orbit-walnut',
  '48213-remote-991724',
  'äöüßéèñçåø',
  'zwei Wörter mehr',
  '48151623421',
  'pump station north 4',
  'x'.repeat(3) + 'y7'.repeat(126),
])('%s is taken', (password) => {
  expect(complaint(password)).toBeNull();
});

test('generated ones need no exception', () => {
  for (let i = 0; i < 200; i++) expect(complaint(generatePassword())).toBeNull();
});

test('the list holds what is looked for: lower case, letters alone', () => {
  expect(commonPasswords.size).toBeGreaterThan(500);
  for (const word of commonPasswords) expect(word).toMatch(/^[a-z]+$/);
});
