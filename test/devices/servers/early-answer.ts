import { createHash } from 'node:crypto';
import type { Device } from '../suite/device.ts';
import { rawServer } from '../suite/raw-server.ts';
import { smallAsks, smallSite, written } from '../suite/small-site.ts';

/** "Do not switch off": answers an upload after its first KiB, then stores it. `/stored` tells what it has got. */
export const device: Device = {
  start: ({ port }) => {
    let stored = 'nothing';
    return rawServer(port, async (connection) => {
      const head = await connection.head();
      if (!head) return;
      if (head.method !== 'POST') {
        const request = { ...head, body: Buffer.alloc(0) };
        const body = Buffer.from(stored);
        const state = { status: 200, reason: 'OK', type: 'text/plain', body };
        connection.end(written(request, request.target === '/stored' ? state : smallSite(request)));
        return;
      }
      const length = Number(head.headers.get('content-length') ?? 0);
      const first = await connection.bytes(Math.min(1024, length));
      connection.write(
        'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<p>Do not switch off',
      );
      const rest = await connection.bytes(Math.max(0, length - 1024));
      stored = createHash('sha256')
        .update(first ?? '')
        .update(rest ?? 'cut')
        .digest('hex');
      connection.end();
    });
  },
  asks: {
    ...smallAsks,
    upload: { path: '/flash', method: 'POST', chunked: false, stored: '/stored' },
  },
};
