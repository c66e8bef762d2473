import { createHash } from 'node:crypto';
import { Type } from 'typebox';
import { matching } from '../api/pattern.ts';

/** Of users and groups: as the reflector's command line takes it. */
export const nameSchema = Type.String({
  minLength: 1,
  maxLength: 64,
  ...matching('^[^\\s:/\\p{Cc}]+$', 'must have no spaces, colons, slashes and control characters'),
  description: 'Without spaces, colons and slashes.',
});

/** A version of what is shown: another one when anything of it is. */
export function versionOf(item: object): string {
  return createHash('sha256').update(JSON.stringify(item)).digest('base64url').slice(0, 22);
}
