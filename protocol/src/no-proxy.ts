import { parseIp } from './ip.ts';

/**
 * Whether `no_proxy` names a host, so that it is reached directly. Entries are separated by commas or blanks:
 *
 * | entry | names |
 * | --- | --- |
 * | `*` | every host |
 * | `example.com`, `.example.com`, `*.example.com` | that domain and all below it |
 * | `192.0.2.1`, `2001:db8::1`, `[2001:db8::1]` | that address, however it is written |
 * | `192.0.2.0/24`, `2001:db8::/32` | every address of that block (RFC 4632) |
 * | any of the first two, or an address (IPv6 in brackets), with `:PORT` | the same at that port only |
 *
 * A name is not looked up to be compared with addresses. Upper and lower case and a dot at the end do not matter.
 */
export function bypasses(noProxy: string, host: string, port: number): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  const address = parseIp(name);
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => {
      const place = withoutPort(entry, port);
      if (place === null || place === '') return false;
      if (place === '*') return true;
      return address ? holds(place, address) : isBelow(name, place);
    });
}

/** The entry without its port, or `null` when it is for another port. */
function withoutPort(entry: string, port: number): string | null {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? [];
  if (digits !== undefined && Number(digits) !== port) return null;
  return bracketed ?? plain ?? entry;
}

function isBelow(name: string, entry: string): boolean {
  const domain = entry.replace(/^\*?\./, '').replace(/\.$/, '');
  return domain !== '' && (name === domain || name.endsWith(`.${domain}`));
}

/** Whether `entry` is this address or a block around it. */
function holds(entry: string, address: Uint8Array): boolean {
  const [, literal = entry, digits] = /^([^/]*)\/(\d{1,3})$/.exec(entry) ?? [];
  const block = parseIp(literal);
  const bits = digits === undefined ? address.length * 8 : Number(digits);
  if (block?.length !== address.length || bits > address.length * 8) return false;
  return address.every((byte, at) => {
    const mask = 0xff00 >> Math.min(8, Math.max(0, bits - 8 * at));
    return ((byte ^ (block[at] ?? 0)) & mask & 0xff) === 0;
  });
}
