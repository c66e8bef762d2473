import type { NetConnectOpts } from 'node:net';

/** Where another node listens: `host:port` (an IPv6 address in brackets), or `unix:PATH`. `null` when it is neither. */
export function parsePeerAddress(address: string): NetConnectOpts | null {
  if (address.startsWith('unix:')) {
    const path = address.slice('unix:'.length);
    return path === '' ? null : { path };
  }
  const found = /^(?:\[([0-9a-f:.]+)\]|([^\s:[\]/]+)):(\d{1,5})$/i.exec(address);
  const host = found?.[1] ?? found?.[2];
  const port = Number(found?.[3]);
  return host !== undefined && port >= 1 && port <= 0xffff ? { host, port } : null;
}
