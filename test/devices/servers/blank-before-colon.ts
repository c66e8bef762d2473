import type { Device } from '../suite/device.ts';
import { rawServer } from '../suite/raw-server.ts';
import { smallAsks, smallSite } from '../suite/small-site.ts';

/** Writes a blank before the colon. */
export const device: Device = {
  start: ({ port }) =>
    rawServer(port, async (connection) => {
      const request = await connection.request();
      if (!request) return;
      const { status, reason, type, body, headers = [] } = smallSite(request);
      const lines = [
        `HTTP/1.1 ${status} ${reason}`,
        `Content-Type : ${type}`,
        `Content-Length : ${body.length}`,
      ];
      connection.write([...lines, ...headers, 'Connection: close', '\r\n'].join('\r\n'));
      connection.end(request.method === 'HEAD' ? '' : body);
    }),
  asks: smallAsks,
};
