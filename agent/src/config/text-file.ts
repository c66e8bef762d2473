import { utf8DecodeStrict } from 'rm-protocol';
import type { Files, HostFailure } from '../host.ts';

/** More than a name, a serial number or a password has; a longer file is the wrong one. */
const MAX_FILE_BYTES = 4096;

/**
 * The text of a small file, without one line break at its end. `reason` completes "the file …"; a file that is `pending`
 * may be written later.
 */
export function readTextFile(
  files: Pick<Files, 'read'>,
  path: string,
): { readonly text: string } | { readonly reason: string; readonly pending: boolean } {
  try {
    const text = utf8DecodeStrict(files.read(path, MAX_FILE_BYTES))?.replace(/\r?\n$/, '');
    if (text === '') return { reason: 'is empty', pending: true };
    return text === undefined ? { reason: 'is not UTF-8 text', pending: false } : { text };
  } catch (error) {
    return { reason: `cannot be read: ${(error as HostFailure).message}`, pending: true };
  }
}
