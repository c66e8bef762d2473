import { limits } from '../limits.ts';
import { kindOf } from './attributes.ts';
import { SftpFailure } from './failure.ts';
import type { Handle, SftpSession } from './session.ts';
import { aborted, begun, type Moved } from './transfer.ts';

/** Where a download goes. */
export interface Sink {
  /** In order. Resolves when there may be more. */
  write(bytes: Uint8Array): Promise<void>;
}

/**
 * Reads a file: as many bytes as it has at the beginning, so that a log that grows comes to an end; one without a size, such as those
 * of `/proc`, to its end. One that ends earlier has become shorter when its size is another one now, or it goes on after all.
 * Otherwise its size was never that of its content, as in `/sys`, and it is whole. Returns the bytes. Rejects with `SftpFailure`,
 * and with what `sink` and `stop` reject.
 */
export async function download(
  session: SftpSession,
  path: string,
  sink: Sink,
  moved: Moved,
  stop: AbortSignal,
): Promise<number> {
  const stopped = aborted(stop);
  // Before it is opened: to open a pipe waits for somebody who writes.
  const attributes = await Promise.race([begun(session.stat(path)), stopped]);
  if (kindOf(attributes) !== 'file') throw new SftpFailure('sftp.notFile');
  const opened = session.openToRead(path);
  const handle = await Promise.race([opened, stopped]).catch((error: unknown) => {
    opened.then((late) => session.closeHandle(late)).catch(() => {});
    throw error;
  });
  try {
    const { size = 0 } = await Promise.race([begun(session.handleStat(handle)), stopped]);
    if (!Number.isSafeInteger(size)) throw new SftpFailure('sftp.tooLarge');
    const done = await readAll(session, handle, size, sink, moved, stopped);
    if (done < size) {
      const asked = Promise.all([session.handleStat(handle), session.read(handle, done, 1)]);
      const [now, more] = await Promise.race([begun(asked), stopped]);
      if (now.size !== size || more) throw new SftpFailure('sftp.shorter');
    }
    return done;
  } finally {
    session.closeHandle(handle).catch(() => {});
  }
}

async function readAll(
  session: SftpSession,
  handle: Handle,
  size: number,
  sink: Sink,
  moved: Moved,
  stopped: Promise<never>,
): Promise<number> {
  const hasSize = size > 0;
  const end = hasSize ? size : Number.MAX_SAFE_INTEGER;
  const most = hasSize ? limits.sftpRequests : 1;
  const requests: Promise<Uint8Array>[] = [];
  let asked = 0;
  let done = 0;
  moved(0, hasSize ? size : null);
  for (;;) {
    while (requests.length < most && asked < end) {
      const length = Math.min(limits.sftpPieceBytes, end - asked);
      requests.push(begun(readPiece(session, handle, asked, length)));
      asked += length;
    }
    const next = requests.shift();
    if (!next) return done;
    const wanted = Math.min(limits.sftpPieceBytes, end - done);
    const bytes = await Promise.race([next, stopped]);
    if (bytes.length > 0) await Promise.race([sink.write(bytes), stopped]);
    done += bytes.length;
    moved(done, hasSize ? size : null);
    if (bytes.length < wanted) return done;
  }
}

/** A device may give less than was asked for, and the rest after it. Less than `length` only where the file ends. */
async function readPiece(
  session: SftpSession,
  handle: Handle,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const first = await session.read(handle, offset, length);
  if (!first) return new Uint8Array(0);
  if (first.length === length) return first;
  const piece = new Uint8Array(length);
  piece.set(first);
  let got = first.length;
  while (got < length) {
    const more = await session.read(handle, offset + got, length - got);
    if (!more) break;
    piece.set(more, got);
    got += more.length;
  }
  return piece.subarray(0, got);
}
