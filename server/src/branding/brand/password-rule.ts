import type { PasswordRules } from './schema.ts';

const kinds = {
  lower: [/\p{Ll}/u, 'a small letter'],
  upper: [/\p{Lu}/u, 'a capital letter'],
  digit: [/\p{Nd}/u, 'a digit'],
  sign: [/[^\p{L}\p{N}\s]/u, 'a sign such as ! or -'],
} as const;

/**
 * Why a password is not taken by these rules, besides those that hold everywhere; `null` when it is. Asked when a password is set,
 * so present ones stay good.
 */
export function brandComplaint(
  password: string,
  { minLength = 0, needs = [], refuse = [] }: PasswordRules,
): string | null {
  if ([...password.normalize('NFC')].length < minLength) return `must have at least ${minLength} characters`;
  const missing = needs.find((kind) => !kinds[kind][0].test(password));
  if (missing !== undefined) return `must have ${kinds[missing][1]}`;
  const plain = password.normalize('NFKC').toLowerCase();
  const word = refuse.find((one) => plain.includes(one.normalize('NFKC').toLowerCase()));
  return word === undefined ? null : `must not have “${word}” in it`;
}
