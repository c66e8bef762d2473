import type { PasswordComplaint } from 'rm-reflector/accounts';
import type { PasswordRules } from './schema.ts';

const kinds = {
  lower: [/\p{Ll}/u, 'must have a small letter'],
  upper: [/\p{Lu}/u, 'must have a capital letter'],
  digit: [/\p{Nd}/u, 'must have a digit'],
  sign: [/[^\p{L}\p{N}\s]/u, 'must have a sign such as ! or -'],
} as const;

/**
 * Why a password is not taken by these rules, besides those that hold everywhere; `null` when it is. Asked when a password is set,
 * so present ones stay good.
 */
export function brandComplaint(
  password: string,
  { minLength = 0, needs = [], refuse = [] }: PasswordRules,
): PasswordComplaint | null {
  if ([...password.normalize('NFC')].length < minLength) {
    const english = `must have at least ${minLength} characters`;
    return { key: 'passwordRule.tooShort', english, values: { length: minLength } };
  }
  const missing = needs.find((kind) => !kinds[kind][0].test(password));
  if (missing !== undefined) return { key: `passwordRule.${missing}`, english: kinds[missing][1] };
  const plain = password.normalize('NFKC').toLowerCase();
  const word = refuse.find((one) => plain.includes(one.normalize('NFKC').toLowerCase()));
  if (word === undefined) return null;
  return { key: 'passwordRule.word', english: `must not have “${word}” in it`, values: { word } };
}
