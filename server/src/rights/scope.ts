import type { RightsDevice } from 'rm-reflector/ports';
import type { Permission } from './permission.ts';

/** What a grant or a key is for. A device that is made anew under its ID is another one. */
export type Scope =
  | { readonly kind: 'everything' }
  | { readonly kind: 'domain'; readonly domain: string }
  | { readonly kind: 'device'; readonly id: string; readonly uid: string; readonly domain: string };

export function covers(scope: Scope, device: RightsDevice): boolean {
  if (scope.kind === 'everything') return true;
  return scope.kind === 'domain' ? scope.domain === device.domain : scope.uid === device.uid;
}

/** What is within both; `null`: nothing. */
export function intersection(one: Scope, other: Scope): Scope | null {
  if (one.kind === 'everything') return other;
  if (other.kind === 'everything') return one;
  if (one.kind === 'domain' && other.kind === 'domain') return one.domain === other.domain ? one : null;
  const [narrow, wide] = one.kind === 'device' ? [one, other] : [other, one];
  return narrow.kind === 'device' && covers(wide, narrow) ? narrow : null;
}

/** What an API key is for, as it is stored. */
export type KeyTarget = { readonly domain: string } | { readonly device: string; readonly uid: string };

/** What an API key may do at most: these permissions, and with `scopes` only for these. */
export interface KeyScope {
  readonly permissions: ReadonlySet<Permission>;
  /** `null`: for whatever its user may. */
  readonly scopes: readonly Scope[] | null;
  /** Wall-clock ms; infinite: it does not expire. */
  readonly expires: number;
}
