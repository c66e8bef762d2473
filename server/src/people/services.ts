import type { Core } from '../part.ts';
import type { ApiKeys } from './api-keys.ts';
import type { Grants } from './grants.ts';
import type { Groups } from './groups.ts';
import type { Invitations } from './invitations.ts';
import type { People } from './people.ts';

/** What the endpoints about users work on. */
export interface PeopleServices extends Core {
  readonly people: People;
  readonly groups: Groups;
  readonly grants: Grants;
  readonly keys: ApiKeys;
  /** `null`: no mail is configured. */
  readonly invitations: Invitations | null;
}
