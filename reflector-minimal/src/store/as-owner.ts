import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Runs `run` with the rights of the user whose service uses the file at `path`, where this process is root and that user
 * is another. What is made then belongs to that user, and a link that the user has put there leads root to nothing
 * that the user could not reach. `run` must not wait for anything: the rights are those of the whole process.
 */
export function asOwnerOf<Result>(path: string, run: () => Result): Result {
  const { geteuid, getegid, getgroups, setgroups, setegid, seteuid } = process;
  if (geteuid?.() !== 0 || !getegid || !getgroups || !setgroups || !setegid || !seteuid) return run();
  const { uid, gid } = ownerOf(path);
  if (uid === 0) return run();
  const [group, groups] = [getegid(), getgroups()];
  setgroups([gid]);
  setegid(gid);
  seteuid(uid);
  try {
    return run();
  } finally {
    seteuid(0);
    setegid(group);
    setgroups(groups);
  }
}

/** Who owns the nearest folder that there is; where that is root's, who owns the file. */
function ownerOf(path: string): { readonly uid: number; readonly gid: number } {
  let folder = dirname(path);
  while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder);
  const around = statSync(folder);
  return around.uid === 0 && existsSync(path) ? statSync(path) : around;
}
