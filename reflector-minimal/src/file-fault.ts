/** By the code of Node's errors. */
const reasons: ReadonlyMap<unknown, string> = new Map([
  ['ENOENT', 'no such file or directory'],
  ['ENOTDIR', 'no such file or directory'],
  ['EEXIST', 'exists already'],
  ['EACCES', 'permission denied'],
  ['EPERM', 'permission denied'],
  ['EISDIR', 'is a directory'],
  ['ENOSPC', 'the disk is full'],
  ['EROFS', 'the disk is read-only'],
]);

/**
 * Why a file that a person has named cannot be read or made: in words, without its path. OpenSSL's reason where the
 * file is a certificate or a key; the message of any other error.
 */
export function fileFault(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, reason } = error as { code?: unknown; reason?: unknown };
  if (typeof reason === 'string' && String(code).startsWith('ERR_OSSL')) return reason;
  return reasons.get(code) ?? error.message;
}
