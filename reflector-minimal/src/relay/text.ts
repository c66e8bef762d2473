import { PeerViolation } from './peer-violation.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Throws {@link PeerViolation} when `bytes` are not UTF-8. */
export function decodeText(bytes: Uint8Array, what: string): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new PeerViolation(`${what} that is not UTF-8`);
  }
}
