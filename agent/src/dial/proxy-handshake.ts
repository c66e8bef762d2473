import type { Challenge } from 'rm-protocol';
import type { FailureKind } from './back-off.ts';

/** A value of `Proxy-Authorization`, and the challenge of Digest that it answers. */
export interface ProxyAnswer {
  readonly authorization: string;
  readonly to: Challenge | null;
}

/** The next step after an answer of a proxy. */
export type HandshakeStep =
  | { readonly send: Uint8Array }
  /** The connection leads to the destination from now on; the text is for `check`. */
  | { readonly passed: string }
  /** The proxy is to be asked again over a new connection, with this. */
  | ProxyAnswer
  | {
      readonly failed: string;
      readonly kind: FailureKind;
      /** Whether the proxy fails for every destination, or for this one. */
      readonly scope: 'proxy' | 'destination';
    };

/** Asks a proxy for a connection to one destination: sans-IO. */
export interface ProxyHandshake {
  /** The first bytes to send. */
  start(): Uint8Array;
  /** The next step after these bytes, or `null` when more are to come. Throws `ProtocolError`. */
  receive(bytes: Uint8Array, start: number, end: number): HandshakeStep | null;
}
