import { createHash } from 'node:crypto';
import type { Device } from '../suite/device.ts';
import { type RawRequest, rawServer } from '../suite/raw-server.ts';
import { type Content, smallAsks, smallSite, written } from '../suite/small-site.ts';

/**
 * A controller of a building: it takes only names that it knows (RFC 9110 section 7.4), a WebSocket only from a page of its own, and
 * leads to absolute addresses without the port that it is asked by.
 */
export const device: Device = {
  start: ({ port }) =>
    rawServer(port, async (connection) => {
      const own = `127.0.0.1:${port}`;
      for (let request = await connection.request(); request; request = await connection.request()) {
        if (request.target === '/live' && request.headers.get('upgrade') !== undefined) {
          const origin = request.headers.get('origin') ?? `http://${own}`;
          if (origin !== `http://${own}`) {
            connection.write(written(request, { ...smallSite(request), status: 403, reason: 'Forbidden' }));
            continue;
          }
          const key = request.headers.get('sec-websocket-key') ?? '';
          const accept = createHash('sha1')
            .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
            .digest('base64');
          connection.write(
            `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
          );
          // One value, and the end.
          connection.end(Buffer.from([0x81, 0x04, 0x32, 0x31, 0x2e, 0x35, 0x88, 0x02, 0x03, 0xe8]));
          return;
        }
        connection.write(written(request, answer(request, own)));
      }
    }),
  settings: (port) => ({ host: `127.0.0.1:${port}`, forwarded: false }),
  asks: {
    ...smallAsks,
    others: [
      { method: 'GET', path: '/points' },
      {
        method: 'PUT',
        path: '/points/7',
        headers: { 'Content-Type': 'application/json' },
        body: '{"value":21.5}',
      },
    ],
  },
};

function answer(request: RawRequest, own: string): Content {
  const { target, headers } = request;
  const site = smallSite(request);
  if (headers.get('host') !== own)
    return { ...site, status: 421, reason: 'Misdirected Request', body: Buffer.from('unknown host\n') };
  if (headers.has('x-forwarded-for')) return { ...site, status: 400, reason: 'Bad Request' };
  if (target === '/points')
    return { ...site, status: 303, reason: 'See Other', headers: ['Location: http://127.0.0.1/'] };
  return site;
}
