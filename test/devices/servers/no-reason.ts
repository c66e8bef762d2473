import type { Device } from '../suite/device.ts';
import { rawServer } from '../suite/raw-server.ts';
import { smallAsks, smallSite } from '../suite/small-site.ts';

/** Leaves out the reason, and the blank before it. */
export const device: Device = {
  start: ({ port }) =>
    rawServer(port, async (connection) => {
      for (let request = await connection.request(); request; request = await connection.request()) {
        const { status, type, body, headers = [] } = smallSite(request);
        const lines = [`HTTP/1.1 ${status}`, `Content-Type: ${type}`, `Content-Length: ${body.length}`];
        connection.write([...lines, ...headers, '\r\n'].join('\r\n'));
        if (request.method !== 'HEAD') connection.write(body);
      }
    }),
  asks: smallAsks,
};
