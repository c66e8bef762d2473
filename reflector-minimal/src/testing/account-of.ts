import type { Store, UserRecord } from '../ports/store.ts';

/** A user who exists. */
export async function accountOf({ users }: Pick<Store, 'users'>, name: string): Promise<UserRecord> {
  const user = await users.get(name);
  if (!user) throw new Error(`no user ${name}`);
  return user;
}
