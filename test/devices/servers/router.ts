import type { Device } from '../suite/device.ts';
import { type RawRequest, rawServer } from '../suite/raw-server.ts';
import { type Content, smallAsks, smallSite, written } from '../suite/small-site.ts';

/**
 * A router: it knows itself by its own address only. Whoever asks by another name is led there, and a form counts only
 * from a page of its own.
 */
export const device: Device = {
  start: ({ port }) =>
    rawServer(port, async (connection) => {
      const own = `127.0.0.1:${port}`;
      for (let request = await connection.request(); request; request = await connection.request())
        connection.write(written(request, answer(request, own)));
    }),
  settings: (port) => ({ host: `127.0.0.1:${port}` }),
  asks: {
    ...smallAsks,
    others: [
      { method: 'GET', path: '/login' },
      {
        method: 'POST',
        path: '/apply',
        headers: { Origin: '{origin}', Referer: '{origin}/' },
        body: 'wan=dhcp',
      },
      { method: 'GET', path: '/reboot' },
    ],
    // Its cookie is for its own address, and through the tunnel for the name there: without a domain.
    volatile: [/^Set-Cookie: session.*/],
  },
};

function answer(request: RawRequest, own: string): Content {
  const { method, target, headers } = request;
  const site = smallSite(request);
  if (headers.get('host') !== own)
    return { ...site, status: 302, reason: 'Found', headers: [`Location: http://${own}${target}`] };
  const origin = headers.get('origin') ?? `http://${own}`;
  const referer = headers.get('referer') ?? `http://${own}/`;
  if (method === 'POST' && (origin !== `http://${own}` || !referer.startsWith(`http://${own}/`)))
    return { ...site, status: 403, reason: 'Forbidden', body: Buffer.from('forged') };
  if (target === '/login') return { ...site, headers: ['Set-Cookie: session=1; Path=/; Domain=127.0.0.1'] };
  if (target === '/reboot') return { ...site, headers: [`Refresh: 60;URL=http://${own}/`] };
  return target === '/move' ? { ...site, headers: [`Location: http://${own}/`] } : site;
}
