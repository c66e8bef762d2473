import { createHash } from 'node:crypto';
import { Type } from 'typebox';

/** Of users and groups: as the reflector's command line takes it. */
export const nameSchema = Type.String({
  minLength: 1,
  maxLength: 64,
  pattern: '^[^\\s:/\\p{Cc}]+$',
  description: 'Without spaces, colons and slashes.',
});

/** A version of what is shown: another one when anything of it is. */
export function versionOf(item: object): string {
  return createHash('sha256').update(JSON.stringify(item)).digest('base64url').slice(0, 22);
}
