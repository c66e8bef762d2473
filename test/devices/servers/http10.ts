import type { Device } from '../suite/device.ts';
import { rawServer } from '../suite/raw-server.ts';
import { smallAsks, smallSite } from '../suite/small-site.ts';

/** HTTP/1.0 without lengths: the end of the connection is the end of the body. */
export const device: Device = {
  start: ({ port }) =>
    rawServer(port, async (connection) => {
      const request = await connection.request();
      if (!request) return;
      const { status, reason, type, body, headers = [] } = smallSite(request);
      connection.write(
        [`HTTP/1.0 ${status} ${reason}`, `Content-type: ${type}`, ...headers, '\r\n'].join('\r\n'),
      );
      connection.end(request.method === 'HEAD' ? '' : body);
    }),
  asks: smallAsks,
};
