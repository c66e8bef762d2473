/** What went wrong with a connection or a file, in terms that a decision can be made on. */
export type SystemErrorCode =
  | 'refused'
  | 'timed-out'
  | 'reset'
  | 'unreachable'
  | 'no-resources'
  | 'not-found'
  | 'permission'
  | 'too-large'
  | 'in-use'
  | 'other';

/**
 * By the names of `errno` (POSIX): what it is, and in words, because those of the C libraries differ. The C host has the same
 * table (`agent/tiny/src/system_errors.inc`), which `npm run reference -w agent` generates from this one.
 */
export const systemErrors: ReadonlyMap<string, readonly [code: SystemErrorCode, words: string]> = new Map<
  string,
  readonly [SystemErrorCode, string]
>([
  ['ECONNREFUSED', ['refused', 'connection refused']],
  ['ETIMEDOUT', ['timed-out', 'connection timed out']],
  ['ECONNRESET', ['reset', 'connection reset']],
  ['ECONNABORTED', ['reset', 'connection reset']],
  ['EPIPE', ['reset', 'connection reset']],
  ['ENETUNREACH', ['unreachable', 'network is unreachable']],
  ['ENETDOWN', ['unreachable', 'network is down']],
  ['EHOSTUNREACH', ['unreachable', 'host is unreachable']],
  ['EHOSTDOWN', ['unreachable', 'host is down']],
  ['EADDRNOTAVAIL', ['unreachable', 'no address to send from']],
  ['EADDRINUSE', ['in-use', 'another agent uses it']],
  ['EMFILE', ['no-resources', 'too many open files']],
  ['ENFILE', ['no-resources', 'too many open files in the system']],
  ['ENOBUFS', ['no-resources', 'no buffer space']],
  ['ENOMEM', ['no-resources', 'out of memory']],
  ['EAGAIN', ['no-resources', 'resource temporarily unavailable']],
  ['ENOSPC', ['no-resources', 'no space left']],
  ['EDQUOT', ['no-resources', 'disk quota exceeded']],
  ['EFBIG', ['too-large', 'file too large']],
  ['EISDIR', ['other', 'is a directory']],
  ['ELOOP', ['other', 'too many links']],
  ['ENOENT', ['not-found', 'no such file']],
  ['ENOTDIR', ['not-found', 'no such file']],
  ['EACCES', ['permission', 'permission denied']],
  ['EPERM', ['permission', 'not permitted']],
  ['EROFS', ['permission', 'read-only file system']],
]);
