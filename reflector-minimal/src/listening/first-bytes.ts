import { SERVER_PROTOCOL } from 'rm-protocol';
import { readClientHello } from '../tls/client-hello.ts';

/** Who opens a connection, as far as its first bytes say. `other`: a user, or nothing that we know. */
export type Newcomer = 'device' | 'other' | 'incomplete';

const protocol = Buffer.from(SERVER_PROTOCOL);

/**
 * Devices offer no protocol of HTTP by ALPN, browsers and most programs of users do. Nothing is proven by that: it decides about the
 * order only.
 */
export function newcomerOverTls(bytes: Uint8Array): Newcomer {
  const hello = readClientHello(bytes);
  if (typeof hello === 'string') return hello;
  return hello.protocols.some((name) => name === 'h2' || name.startsWith('http/')) ? 'other' : 'device';
}

/** A device says in its request what it is; it sends the head at once. */
export function newcomerInTheClear(bytes: Uint8Array): Newcomer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(protocol)
    ? 'device'
    : 'other';
}
