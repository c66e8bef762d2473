import { isIPv4, isIPv6, SocketAddress } from 'node:net';

/*
 * The header with which a proxy says for whom it has connected: PROXY protocol, versions 1 and 2
 * (https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt). Bytes in, result out.
 */

/** The other end of the connection that the proxy has accepted. */
export interface ProxiedPeer {
  /** IP address in its usual form. */
  readonly address: string;
  readonly port: number;
}

export type ProxyHeader =
  /** More bytes are needed. */
  | 'incomplete'
  /** `bytes`: its length. `peer`: `null` where the proxy speaks for itself, or for somebody without an IP address. */
  | { readonly bytes: number; readonly peer: ProxiedPeer | null }
  /** In a few words, for the log. */
  | { readonly invalid: string };

const signature = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a);
/** Signature, version and command, family and protocol, length. */
const fixedBytes = signature.length + 4;
/** "PROXY", in version 1 always followed by a space. */
const word = Uint8Array.from('PROXY ', (letter) => letter.charCodeAt(0));
/** The longest line of version 1, with its end (section 2.1). */
const lineBytes = 107;

const noHeader: ProxyHeader = { invalid: 'no PROXY header' };

/** Reads the header at the beginning of `bytes`. Those of version 2 may be `maxBytes` long, with all that they say besides. */
export function readProxyHeader(bytes: Uint8Array, maxBytes: number): ProxyHeader {
  if (beginsAs(bytes, signature)) return readBinary(bytes, maxBytes);
  if (beginsAs(bytes, word)) return readLine(bytes);
  return noHeader;
}

/** As far as there are bytes. */
function beginsAs(bytes: Uint8Array, beginning: Uint8Array): boolean {
  return bytes.subarray(0, beginning.length).every((byte, at) => byte === beginning[at]);
}

// ---- version 1 ----

function readLine(bytes: Uint8Array): ProxyHeader {
  const end = bytes.subarray(0, lineBytes).indexOf(0x0a);
  if (end < 0) return bytes.length < lineBytes ? 'incomplete' : { invalid: 'a line without an end' };
  const line = String.fromCharCode(...bytes.subarray(0, end + 1));
  const header = (peer: ProxiedPeer | null) => ({ bytes: end + 1, peer });
  // What follows is not for us (section 2.1).
  if (/^PROXY UNKNOWN(?: [^\r\n]*)?\r\n$/.test(line)) return header(null);
  const [, family, from = '', to = '', port, ownPort] =
    /^PROXY TCP([46]) (\S+) (\S+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})\r\n$/.exec(line) ?? [];
  if (family === undefined) return { invalid: 'not a line of version 1' };
  const isAddress = family === '4' ? isIPv4 : isIPv6;
  // A zone means nothing on another machine.
  if (![from, to].every((address) => isAddress(address) && !address.includes('%'))) {
    return { invalid: `an address that is not of TCP${family}` };
  }
  if (Number(port) > 0xffff || Number(ownPort) > 0xffff) return { invalid: 'a port above 65535' };
  return header({ address: usualForm(from), port: Number(port) });
}

// ---- version 2 ----

const addressBytes = { ipv4: 4, ipv6: 16 } as const;

function readBinary(bytes: Uint8Array, maxBytes: number): ProxyHeader {
  if (bytes.length < fixedBytes) return 'incomplete';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [command, family] = [view.getUint8(12), view.getUint8(13)];
  const length = fixedBytes + view.getUint16(14);
  if (command !== 0x20 && command !== 0x21) return { invalid: `version and command 0x${hex(command)}` };
  if (length > maxBytes) return { invalid: `${length} bytes` };
  if (bytes.length < length) return 'incomplete';
  const header = (peer: ProxiedPeer | null) => ({ bytes: length, peer });
  // LOCAL: the proxy itself, such as to check our health, whatever else it says.
  if (command === 0x20) return header(null);
  const room = length - fixedBytes;
  switch (family) {
    case 0x00:
      return header(null);
    case 0x11:
      return room < 2 * addressBytes.ipv4 + 4 ? short : header(peerIn(view, 'ipv4'));
    case 0x21:
      return room < 2 * addressBytes.ipv6 + 4 ? short : header(peerIn(view, 'ipv6'));
    case 0x31:
      return room < 2 * 108 ? short : header(null);
    default:
      return { invalid: `family and protocol 0x${hex(family)}` };
  }
}

const short: ProxyHeader = { invalid: 'no room for its addresses' };

function peerIn(view: DataView, family: 'ipv4' | 'ipv6'): ProxiedPeer {
  const size = addressBytes[family];
  const word = (at: number) => view.getUint16(fixedBytes + at);
  const text =
    family === 'ipv4'
      ? Array.from({ length: size }, (_, at) => view.getUint8(fixedBytes + at)).join('.')
      : Array.from({ length: size / 2 }, (_, at) => word(2 * at).toString(16)).join(':');
  return { address: usualForm(text), port: word(2 * size) };
}

function usualForm(address: string): string {
  return isIPv6(address) ? new SocketAddress({ address, family: 'ipv6' }).address : address;
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
