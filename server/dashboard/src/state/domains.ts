import { all } from '../api/call.ts';
import type { Domain } from '../api/types.ts';
import { useResource } from './resource.ts';
import { may } from './session.ts';

/** The domains that one may see; `undefined`: not read yet, or not to be had. */
export function useDomains(): readonly Domain[] | undefined {
  return useResource(() => (may('domains.read') ? all<Domain>('/domains') : Promise.resolve([])), []).value;
}

/** What a choice of a domain offers for one: its ID, and what it is called. */
export function domainOption({ id, name }: Domain): readonly [string, string] {
  return [id, name ? `${name} (${id})` : id];
}
