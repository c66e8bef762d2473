/** What accounts are made of, for a program with further ways to manage them. */
export { Html, html } from './http/html.ts';
export {
  fillIn,
  type Look,
  type Looks,
  plainLook,
  type StyleSheet,
  styleSheet,
  type Values,
  wording,
} from './http/look.ts';
export { page } from './http/page.ts';
export { networkOf } from './network/addresses.ts';
export { makeRecoveryCodes, recoveryHash } from './one-time-password/recovery-codes.ts';
export { base32, makeTotpSecret, otpauthUri, stepOfCode, totpCode } from './one-time-password/totp.ts';
export { type PasswordComplaint, passwordComplaint } from './passwords/rules.ts';
export { hashGeneratedPassword, hashPassword } from './passwords/scrypt.ts';
