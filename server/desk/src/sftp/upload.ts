import { limits } from '../limits.ts';
import { type Attributes, kindOf } from './attributes.ts';
import { SftpFailure, status } from './failure.ts';
import { join, parentOf, shown } from './names.ts';
import type { Handle, SftpSession } from './session.ts';
import { aborted, begun, type Moved } from './transfer.ts';

/** What is uploaded. */
export interface Source {
  /** Bytes. */
  readonly size: number;
  /** Rejects when it cannot be read any more, such as after a change. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** Permissions of `st_mode`. */
const permissions = 0o7777;
/** Of a file that takes the place of one whose permissions it does not have yet: nobody else may read it. */
const privateMode = 0o600;

/** With which a program runs as the owner of its file. */
const setIds = 0o6000;

/**
 * Writes a file: under another name in its folder, which becomes the right one when all of it is there. A file that is there already is
 * replaced only if `mayReplace` resolves with true, and keeps its permissions, and its owner where the device allows it; a link to it
 * stays. False: it was not to be replaced. Rejects with `SftpFailure`, and with what `source` and `stop` reject; what was written is
 * removed then, or the failure names it.
 */
export async function upload(
  session: SftpSession,
  path: string,
  source: Source,
  mayReplace: () => Promise<boolean>,
  moved: Moved,
  stop: AbortSignal,
): Promise<boolean> {
  const stopped = aborted(stop);
  const { target, replaced } = await Promise.race([begun(targetOf(session, path)), stopped]);
  if (replaced && kindOf(replaced) !== 'file') throw new SftpFailure('sftp.notReplaced');
  if (replaced && !(await Promise.race([mayReplace(), stopped]))) return false;
  stop.throwIfAborted();
  const temporary = join(parentOf(target), `.upload-${crypto.randomUUID()}.part`);
  const mode = replaced?.mode === undefined ? undefined : replaced.mode & permissions;
  const handle = await session.create(temporary, mode === undefined ? undefined : mode & privateMode);
  let isOpen = true;
  try {
    await writeAll(session, handle, source, moved, stop);
    const finish = async () => {
      if (replaced) await takeOver(session, handle, replaced);
      await session.sync(handle);
      checkSize(await session.handleStat(handle), source.size);
    };
    await Promise.race([begun(finish()), stopped]);
    isOpen = false;
    await session.closeHandle(handle);
    stop.throwIfAborted();
    await giveName(session, temporary, target, replaced !== null);
  } catch (error) {
    if (isOpen) session.closeHandle(handle).catch(() => {});
    throw (await isRemoved(session, temporary))
      ? error
      : new SftpFailure('sftp.left', { name: shown(temporary) });
  }
  checkSize(await session.stat(target), source.size);
  return true;
}

/** Gives a file what the one had whose place it takes. */
async function takeOver(session: SftpSession, handle: Handle, { owner, mode }: Attributes): Promise<void> {
  let isOwner = true;
  const { owner: own } = await session.handleStat(handle);
  if (owner && (owner.user !== own?.user || owner.group !== own.group)) {
    // Most users may not give files away.
    isOwner = await session.setOwner(handle, owner).then(
      () => true,
      () => false,
    );
  }
  // After the owner, as a change of it takes some away.
  if (mode !== undefined)
    await session.setMode(handle, mode & (isOwner ? permissions : permissions & ~setIds));
}

/** Whether nothing of it is left. A device that does not answer is not waited for. */
async function isRemoved(session: SftpSession, path: string): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), limits.sftpRemoveMs);
  });
  const removed = session.remove(path).then(
    () => true,
    (error: unknown) => isMissing(error),
  );
  try {
    return await Promise.race([removed, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

const isMissing = (error: unknown) => error instanceof SftpFailure && error.status === status.noSuchFile;

/** Where a path leads, and what is there; `null`: nothing. */
async function targetOf(
  session: SftpSession,
  path: string,
): Promise<{ readonly target: string; readonly replaced: Attributes | null }> {
  try {
    const attributes = await session.lstat(path);
    if (kindOf(attributes) !== 'link') return { target: path, replaced: attributes };
    const target = await session.realPath(path);
    return { target, replaced: await session.stat(target) };
  } catch (error) {
    if (isMissing(error)) return { target: path, replaced: null };
    throw error;
  }
}

async function writeAll(
  session: SftpSession,
  handle: Handle,
  source: Source,
  moved: Moved,
  stop: AbortSignal,
): Promise<void> {
  const stopped = aborted(stop);
  const requests: { readonly written: Promise<void>; readonly end: number }[] = [];
  moved(0, source.size);
  const settleFirst = async () => {
    const first = requests.shift();
    if (!first) return;
    await Promise.race([first.written, stopped]).catch((error: unknown) => {
      throw error instanceof SftpFailure && error.key === 'sftp.failure'
        ? new SftpFailure('sftp.notWritten', error.values, error.status)
        : error;
    });
    moved(first.end, source.size);
  };
  for (let at = 0; at < source.size; at += limits.sftpPieceBytes) {
    if (requests.length === limits.sftpRequests) await settleFirst();
    stop.throwIfAborted();
    const length = Math.min(limits.sftpPieceBytes, source.size - at);
    const bytes = await source.read(at, length);
    if (bytes.length !== length) throw new DOMException('the file has changed', 'NotReadableError');
    requests.push({ written: begun(session.write(handle, at, bytes)), end: at + length });
  }
  while (requests.length > 0) await settleFirst();
}

/** What a device has stored is said by itself; one that says nothing is believed. */
function checkSize({ size }: Attributes, sent: number): void {
  if (size !== undefined && size !== sent) throw new SftpFailure('sftp.size', { size, sent });
}

async function isThere(session: SftpSession, path: string): Promise<boolean> {
  try {
    await session.lstat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

async function giveName(session: SftpSession, from: string, to: string, replaces: boolean): Promise<void> {
  try {
    if (!replaces) {
      // Some servers rename on to what is there.
      if (await isThere(session, to)) throw new SftpFailure('sftp.appeared');
      return await session.rename(from, to);
    }
    if (session.canReplace) return await session.replace(from, to);
    // Elsewhere a name has to be free first: what had it waits beside until the new file has it.
    const old = `${to}.old-${crypto.randomUUID()}`;
    await session.rename(to, old);
    await session.rename(from, to).catch(async (error: unknown) => {
      await session.rename(old, to).catch(() => {
        throw new SftpFailure('sftp.oldIsAt', { name: shown(old) });
      });
      throw error;
    });
    await session.remove(old).catch(() => {
      throw new SftpFailure('sftp.oldIsLeft', { name: shown(old) });
    });
  } catch (error) {
    const isVague = error instanceof SftpFailure && error.key === 'sftp.failure';
    throw isVague ? new SftpFailure('sftp.notNamed', error.values, error.status) : error;
  }
}
