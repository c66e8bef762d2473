import type { Device } from '../suite/device.ts';
import { rawServer } from '../suite/raw-server.ts';
import { smallAsks, smallSite, written } from '../suite/small-site.ts';

/** Has 512 bytes for the head of a request, as the HTTP server of ESP-IDF. Chromium directly is too much for it. */
export const device: Device = {
  start: ({ port }) =>
    rawServer(port, async (connection) => {
      for (let request = await connection.request(); request; request = await connection.request()) {
        if (request.headBytes > 512) {
          connection.end('HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\n\r\n');
          return;
        }
        connection.write(written(request, smallSite(request)));
      }
    }),
  settings: () => ({ headers: 'few' }),
  asks: { ...smallAsks, withoutChromium: true },
};
