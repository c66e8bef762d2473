import type { Credentials } from './basic.ts';
import { ProtocolError } from './errors.ts';
import { parseIp } from './ip.ts';
import { utf8Encode } from './text.ts';

/** What is to be done next in a SOCKS5 handshake. */
export type Socks5Step =
  | { readonly send: Uint8Array }
  /** The connection is that to the destination from now on. */
  | { readonly connected: true }
  /** To blame are: who we are, what the proxy is allowed to do, or the way to the destination. */
  | { readonly failed: string; readonly blame: 'login' | 'rules' | 'destination' };

const VERSION = 5;
const NO_AUTHENTICATION = 0;
const PASSWORD = 2;
const UNACCEPTABLE = 0xff;

/** RFC 1928 section 6. */
const replies: Readonly<Record<number, string>> = {
  1: 'general failure',
  2: 'not allowed by its rules',
  3: 'network is unreachable',
  4: 'host is unreachable',
  5: 'connection refused',
  6: 'time to live expired',
  7: 'CONNECT is not supported',
  8: 'address type is not supported',
};
const NOT_ALLOWED = 2;

/**
 * The client's side of a SOCKS5 handshake (RFC 1928, with user and password of RFC 1929) that asks for a connection to
 * one destination: sans-IO. It holds at most one message of the proxy, which has no more than 262 bytes.
 */
export class Socks5Client {
  readonly #host: string;
  readonly #port: number;
  readonly #credentials: Credentials | null;
  #expects: 'method' | 'verdict' | 'reply' = 'method';
  #held: number[] = [];

  /** `host` is a name, of at most 255 bytes, or an IP literal. */
  constructor(host: string, port: number, credentials: Credentials | null) {
    this.#host = host;
    this.#port = port;
    this.#credentials = credentials;
  }

  /** The first bytes to send: the methods that we can use. */
  greeting(): Uint8Array {
    const methods = this.#credentials ? [NO_AUTHENTICATION, PASSWORD] : [NO_AUTHENTICATION];
    return Uint8Array.of(VERSION, methods.length, ...methods);
  }

  /** What follows from these bytes, or `null` when more are to come. Throws `RM_SOCKS` when they are no SOCKS5. */
  receive(bytes: Uint8Array, start: number, end: number): Socks5Step | null {
    for (let at = start; at < end; at++) {
      this.#held.push(bytes[at] ?? 0);
      if (this.#held.length < this.#length()) continue;
      const message = this.#held;
      this.#held = [];
      if (at + 1 < end) throw new ProtocolError('RM_SOCKS', 'unasked bytes behind an answer of SOCKS5');
      return this.#step(message);
    }
    return null;
  }

  /** Bytes of the message that is being read, as far as is known by now. */
  #length(): number {
    const [version, , , type, size = 0] = this.#held;
    if (version !== (this.#expects === 'verdict' ? 1 : VERSION)) {
      throw new ProtocolError('RM_SOCKS', 'it does not speak SOCKS5');
    }
    if (this.#expects !== 'reply') return 2;
    if (type === undefined) return 5;
    // RFC 1928 section 5: what the proxy is bound to.
    if (type === 1) return 10;
    if (type === 4) return 22;
    if (type === 3) return 7 + size;
    throw new ProtocolError('RM_SOCKS', `address type ${type} in an answer of SOCKS5`);
  }

  #step([, code = UNACCEPTABLE]: readonly number[]): Socks5Step {
    if (this.#expects === 'reply') {
      if (code === 0) return { connected: true };
      const reason = replies[code] ?? `reply ${code}`;
      return { failed: reason, blame: code === NOT_ALLOWED ? 'rules' : 'destination' };
    }
    if (this.#expects === 'method' && code === PASSWORD && this.#credentials) {
      const user = utf8Encode(this.#credentials.user);
      const password = utf8Encode(this.#credentials.password);
      if (user.length > 255 || password.length > 255) {
        return { failed: 'SOCKS5 takes no more than 255 bytes of user and of password', blame: 'login' };
      }
      this.#expects = 'verdict';
      return { send: Uint8Array.of(1, user.length, ...user, password.length, ...password) };
    }
    if (this.#expects === 'verdict' && code !== 0) {
      return { failed: 'user or password was not accepted', blame: 'login' };
    }
    if (this.#expects === 'method' && code !== NO_AUTHENTICATION) {
      const wanted = this.#credentials ? 'neither a user with password nor none' : 'a user and a password';
      return { failed: `it wants ${wanted}`, blame: 'login' };
    }
    return this.#request();
  }

  #request(): Socks5Step {
    this.#expects = 'reply';
    const literal = parseIp(this.#host);
    const name = utf8Encode(this.#host);
    if (!literal && name.length > 255) {
      return { failed: 'SOCKS5 takes no more than 255 bytes of host name', blame: 'destination' };
    }
    const address = literal ? [literal.length === 4 ? 1 : 4, ...literal] : [3, name.length, ...name];
    return { send: Uint8Array.of(VERSION, 1, 0, ...address, this.#port >> 8, this.#port & 255) };
  }
}
