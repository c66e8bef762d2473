import { call, patch, segment } from '../api/call.ts';
import type { Device, User } from '../api/types.ts';

/** Something that somebody edits, as it was when they began; what others change since then is theirs. */
export interface Edited<Value> {
  readonly value: Value;
  /** Version that was read, for `If-Match`. */
  readonly version: string;
}

/** What the form for users gives. An empty password stays; a role of '' was not asked for. */
export interface GivenUser {
  readonly fullName: string;
  readonly email: string;
  readonly role: string;
  readonly password: string;
}

const pathOfUser = (name: string) => `/users/${segment(name)}`;

export async function beginUser(name: string, signal: AbortSignal): Promise<Edited<User>> {
  const { body, version } = await call<User>('GET', pathOfUser(name), { signal });
  return { value: body, version };
}

/** Sends what differs. Rejects with a `Problem` (412) where somebody else has changed the user since. */
export async function changeUser({ value: user, version }: Edited<User>, given: GivenUser): Promise<void> {
  const { fullName, email, role, password } = given;
  const changes = {
    ...(fullName === user.fullName ? {} : { fullName }),
    ...(user.kind === 'service' || email === (user.email ?? '')
      ? {}
      : { email: email === '' ? null : email }),
    ...(role === '' || role === user.role ? {} : { role }),
    ...(password === '' ? {} : { password }),
  };
  if (Object.keys(changes).length > 0) await patch(pathOfUser(user.name), changes, version);
}

export type GivenNotes = Readonly<Record<'name' | 'description' | 'notes', string>> & {
  readonly tags: readonly string[];
};

/** As {@link changeUser}, for what people know of a device. */
export async function changeNotes(
  { value: device, version }: Edited<Device>,
  given: GivenNotes,
): Promise<void> {
  const { name, description, notes, tags } = given;
  const changes = {
    ...(name === (device.name ?? '') ? {} : { name: name === '' ? null : name }),
    ...(description === device.description ? {} : { description }),
    ...(notes === device.notes ? {} : { notes }),
    ...(tags.join('\n') === device.tags.join('\n') ? {} : { tags }),
  };
  if (Object.keys(changes).length > 0) await patch(`/devices/${segment(device.id)}`, changes, version);
}
