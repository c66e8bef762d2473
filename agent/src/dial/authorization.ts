import {
  answerDigest,
  type Challenge,
  type Credentials,
  type DigestRequest,
  decodeChallenges,
  hexEncode,
  ProtocolError,
} from 'rm-protocol';
import type { Host } from '../host.ts';

/** The answer to a Digest challenge that has not been answered before. */
export function digestAnswer(
  { crypto }: Pick<Host, 'crypto'>,
  challenge: Challenge,
  credentials: Credentials,
  request: DigestRequest,
): string {
  const clientNonce = new Uint8Array(16);
  crypto.random(clientNonce);
  return answerDigest(
    (algorithm, data) => crypto.digest(algorithm, data),
    challenge,
    credentials,
    request,
    hexEncode(clientNonce),
    1,
  );
}

/** The challenges of a header field; none when it cannot be read. */
export function readChallenges(offered: string): Challenge[] {
  try {
    return decodeChallenges(offered);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return [];
  }
}
