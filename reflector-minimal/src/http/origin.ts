import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { plainAddress } from '../network/addresses.ts';

/** Where a request comes from, as far as it can be trusted. */
export interface Origin {
  /** Address of the user or device. */
  readonly address: string;
  readonly protocol: 'http' | 'https';
  /** What `Host` said, to us or to the proxy in front. */
  readonly authority: string;
  /** Value of `X-Forwarded-For` for the device. */
  readonly forwardedFor: string;
}

/** The addresses whose `X-Forwarded-*` headers are believed. Everybody else's are dropped. */
export class TrustedProxies {
  readonly #list = new BlockList();
  readonly #some: boolean;

  /** Addresses and networks (`10.0.0.0/8`). Throws a `RangeError` that names the one that is neither. */
  constructor(addresses: readonly string[]) {
    this.#some = addresses.length > 0;
    for (const entry of addresses) {
      const [address = '', prefix, ...rest] = entry.split('/');
      const family = isIP(address);
      const bits = family === 4 ? 32 : 128;
      const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1;
      if (family === 0 || rest.length > 0 || length < 0 || length > bits) {
        throw new RangeError(`${entry}: not an address or a network such as 10.0.0.0/8`);
      }
      this.#list.addSubnet(address, length, family === 4 ? 'ipv4' : 'ipv6');
    }
  }

  has(address: string): boolean {
    if (!this.#some) return false;
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, family === 4 ? 'ipv4' : 'ipv6');
  }

  originOf(request: IncomingMessage): Origin {
    const peer = plainAddress(request.socket.remoteAddress ?? '');
    const protocol = 'encrypted' in request.socket && request.socket.encrypted ? 'https' : 'http';
    const authority = request.headers.host ?? '';
    if (!this.has(peer)) return { address: peer, protocol, authority, forwardedFor: peer };
    const header = (name: string) => String(request.headers[name] ?? '').trim();
    const chain = header('x-forwarded-for').split(',').map(addressIn);
    const forwarded = header('x-forwarded-proto');
    return {
      // From right to left, the first address that is not a trusted proxy is the user's. Anything left of it can be forged,
      // so it is not used even when that address cannot be read.
      address: [...chain].reverse().find((item) => !this.has(item)) || peer,
      protocol: forwarded === 'https' || forwarded === 'http' ? forwarded : protocol,
      authority: header('x-forwarded-host') || authority,
      forwardedFor: [...chain.filter((item) => item !== ''), peer].join(', '),
    };
  }
}

/** An item of `X-Forwarded-For`, to which some proxies add the port; empty if it is not an address. */
function addressIn(item: string): string {
  const text = item.trim();
  const [, v6, v4] = /^(?:\[([^\]]*)\](?::\d+)?|([\d.]+):\d+)$/.exec(text) ?? [];
  const address = plainAddress(v6 ?? v4 ?? text);
  return isIP(address) === 0 ? '' : address;
}
