/** What a device says of a file: draft-ietf-secsh-filexfer-02 section 5. What is missing, it has not said. */
export interface Attributes {
  /** Bytes; beyond `Number.MAX_SAFE_INTEGER` rounded. */
  readonly size?: number;
  readonly owner?: Owner;
  /** Kind and permissions, as `st_mode` of POSIX. */
  readonly mode?: number;
  /** Seconds since 1970. */
  readonly modified?: number;
}

/** Numbers of a user and a group. */
export interface Owner {
  readonly user: number;
  readonly group: number;
}

export type Kind = 'file' | 'folder' | 'link' | 'other';

/** Of what a device says nothing, it is taken for a file. */
export function kindOf({ mode }: Attributes): Kind {
  switch ((mode ?? 0) & 0o170_000) {
    case 0:
    case 0o100_000:
      return 'file';
    case 0o040_000:
      return 'folder';
    case 0o120_000:
      return 'link';
    default:
      return 'other';
  }
}

/** Bits of `flags`. */
export const has = { size: 1, owner: 2, mode: 4, times: 8, extended: 0x8000_0000 } as const;
