import { limits } from '../limits.ts';
import { shown } from './names.ts';

/** Why something cannot be done, as a key of the texts with its values. */
export class SftpFailure extends Error {
  readonly key: `sftp.${string}`;
  readonly values: Readonly<Record<string, string | number>>;
  /** `SSH_FX_…` of the device; `null`: it has said nothing. */
  readonly status: number | null;

  constructor(
    key: `sftp.${string}`,
    values: Readonly<Record<string, string | number>> = {},
    status: number | null = null,
  ) {
    super(key);
    this.key = key;
    this.values = values;
    this.status = status;
  }
}

/** What a device sends is not SFTP. Its words may be anything, so none of them are shown. */
export const malformed = () => new SftpFailure('sftp.malformed');

/** Codes of `SSH_FXP_STATUS`: draft-ietf-secsh-filexfer-02 section 7. */
export const status = {
  ok: 0,
  endOfFile: 1,
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  unsupported: 8,
} as const;

/** `reason`: the words of the device. Most devices say "Failure" of a full disk, too. */
export function failureOf(code: number, reason: string): SftpFailure {
  const said = shown([...reason].slice(0, limits.sftpReasonCharacters).join('')) || String(code);
  switch (code) {
    case status.noSuchFile:
      return new SftpFailure('sftp.noSuchFile', {}, code);
    case status.permissionDenied:
      return new SftpFailure('sftp.denied', {}, code);
    case status.unsupported:
      return new SftpFailure('sftp.unsupported', {}, code);
    default:
      return new SftpFailure('sftp.failure', { reason: said }, code);
  }
}
