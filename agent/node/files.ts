import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  watch,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { Files, HostError } from '../src/host.ts';
import { failure, toFailure, toHostError } from './errors.ts';

/** Runs `use` and turns what Node throws into what the host promises. */
function guarded<T>(use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw toFailure(error);
  }
}

function withFile<T>(path: string, flags: string, use: (descriptor: number) => T): T {
  const descriptor = openSync(path, flags, 0o600);
  try {
    return use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
}

function enlarged(bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(length);
  larger.set(bytes);
  return larger;
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** The rename itself must reach the flash too; a file system that cannot say so is no error. */
function syncDirectory(path: string): void {
  try {
    withFile(dirname(path), 'r', fsyncSync);
  } catch {
    // The content is safe: a power cut leaves the old file or the new one.
  }
}

/** As many links as Linux follows. */
const maxLinks = 40;

/** What the link at `path` holds; `null` when there is none. */
function linkAt(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

/** Follows the links in `path` as if `root` was `/`. What is missing stays as it is. */
function followIn(root: string, path: string): string {
  let place: string[] = [];
  const rest = path.split('/').reverse();
  for (let links = 0, name = rest.pop(); name !== undefined; name = rest.pop()) {
    if (name === '..') place.pop();
    if (name === '' || name === '.' || name === '..') continue;
    const target = linkAt([root, ...place, name].join('/'));
    if (target === null) {
      place.push(name);
      continue;
    }
    links += 1;
    if (links > maxLinks) throw failure('other', 'too many links');
    rest.push(...target.split('/').reverse());
    if (target.startsWith('/')) place = [];
  }
  return [root, ...place].join('/');
}

export const files: Files = {
  read(path, maxBytes) {
    const bytes = guarded(() =>
      withFile(path, 'r', (descriptor) => {
        let buffer = new Uint8Array(Math.min(maxBytes + 1, Math.max(4096, fstatSync(descriptor).size + 1)));
        let length = 0;
        for (let count = 1; count > 0 && length <= maxBytes; length += count) {
          // A pipe and what the kernel makes up (/proc) have no size beforehand.
          if (length === buffer.length) buffer = enlarged(buffer, Math.min(maxBytes + 1, 2 * length));
          count = readSync(descriptor, buffer, length, buffer.length - length, null);
        }
        return buffer.subarray(0, length);
      }),
    );
    if (bytes.length > maxBytes) throw failure('too-large', `larger than ${maxBytes} bytes`);
    return bytes;
  },

  writeAtomically(path, bytes) {
    guarded(() => {
      // No other file of the agent's: an ID, which ends the name of a state file, has no plus sign there.
      const temporary = `${path}+new`;
      // Made anew: what a crash or somebody else has left there has a mode of its own, or leads elsewhere.
      rmSync(temporary, { force: true });
      withFile(temporary, 'wx', (descriptor) => {
        writeAll(descriptor, bytes);
        fsyncSync(descriptor);
      });
      renameSync(temporary, path);
      syncDirectory(path);
    });
  },

  append: (path, bytes) =>
    guarded(() =>
      withFile(path, 'a', (descriptor) => {
        const before = fstatSync(descriptor);
        try {
          writeAll(descriptor, bytes);
        } catch (error) {
          if (before.isFile()) ftruncateSync(descriptor, before.size);
          throw error;
        }
        return fstatSync(descriptor).size;
      }),
    ),

  rename: (from, to) => guarded(() => renameSync(from, to)),

  remove: (path) => guarded(() => rmSync(path, { force: true })),

  list: (path) => guarded(() => readdirSync(path).sort()),

  stat(path) {
    let found: Stats;
    try {
      found = statSync(path);
    } catch (error) {
      const failed = toFailure(error);
      if (failed.code === 'not-found') return null;
      throw failed;
    }
    const kind = found.isFile() ? 'file' : found.isDirectory() ? 'directory' : 'other';
    const id = `${found.dev}:${found.ino}`;
    return { kind, size: found.size, mode: found.mode & 0o7777, id, writable: isWritable(path) };
  },

  pathIn(root, path) {
    const place = followIn(root, path);
    if (files.stat(place)?.kind === 'other') throw failure('other', 'is neither a file nor a directory');
    return place;
  },

  watch(path, changed, failed) {
    let report: ((error: HostError) => void) | null = failed;
    const fail = (error: unknown) => {
      report?.(toHostError(error as NodeJS.ErrnoException));
      report = null;
    };
    try {
      // Without it, a file would be watched, too.
      if (!statSync(path).isDirectory()) throw failure('other', 'is no directory');
      const watcher = watch(path, () => report && changed());
      watcher.on('error', fail);
      return {
        cancel: () => {
          report = null;
          watcher.close();
        },
      };
    } catch (error) {
      setImmediate(fail, error);
      return {
        cancel: () => {
          report = null;
        },
      };
    }
  },
};
