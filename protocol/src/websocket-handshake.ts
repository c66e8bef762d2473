import { base64Encode } from './base64.ts';
import { ProtocolError } from './errors.ts';
import { encodeRequestHead, type ResponseHead } from './http-head.ts';
import { latin1Encode } from './text.ts';

/** The opening handshake (RFC 6455 sections 4.1 and 4.2.2). */

export interface UpgradeRequest {
  /** `POST` only for reflectors that insist on it (`webtunnel.md` section 1). */
  readonly method: 'GET' | 'POST';
  /** Path and query. */
  readonly target: string;
  /** The value of `Host`. */
  readonly host: string;
  /** 16 random bytes. */
  readonly nonce: Uint8Array;
  readonly protocol: string;
  /** Further header fields. */
  readonly fields: readonly (readonly [string, string])[];
}

export function encodeUpgradeRequest(request: UpgradeRequest): Uint8Array {
  return encodeRequestHead(request.method, request.target, [
    ['Host', request.host],
    ['Connection', 'Upgrade'],
    ['Upgrade', 'websocket'],
    ['Sec-WebSocket-Version', '13'],
    ['Sec-WebSocket-Key', base64Encode(request.nonce)],
    ['Sec-WebSocket-Protocol', request.protocol],
    ...request.fields,
  ]);
}

/** The `Sec-WebSocket-Accept` that proves that the server has read our key; `sha1` computes SHA-1. */
export function acceptFor(nonce: Uint8Array, sha1: (data: Uint8Array) => Uint8Array): string {
  return acceptForKey(base64Encode(nonce), sha1);
}

/** The `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key` as it was sent. */
export function acceptForKey(key: string, sha1: (data: Uint8Array) => Uint8Array): string {
  return base64Encode(sha1(latin1Encode(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)));
}

/** Checks a response of status 101. Throws `RM_UPGRADE` in the cases of RFC 6455 section 4.1. */
export function checkUpgradeResponse({ headers }: ResponseHead, accept: string, protocol: string): void {
  const fail = (what: string) => {
    throw new ProtocolError('RM_UPGRADE', what);
  };
  if (headers.get('upgrade')?.toLowerCase() !== 'websocket') fail('101 without "Upgrade: websocket"');
  if (!headers.lists('connection', 'upgrade')) fail('101 without "Connection: Upgrade"');
  if (headers.get('sec-websocket-accept') !== accept) fail('101 with a wrong Sec-WebSocket-Accept');
  if (headers.get('sec-websocket-extensions')) fail('101 with an extension that was not offered');
  if (headers.get('sec-websocket-protocol') !== protocol) fail(`101 without the subprotocol ${protocol}`);
}
