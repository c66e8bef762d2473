import type { Device } from '../suite/device.ts';
import { rawServer } from '../suite/raw-server.ts';
import { smallAsks, smallSite, written } from '../suite/small-site.ts';

/** Takes the image slowly, then flashes without a byte; its agent says how long that may take. */
export const device: Device = {
  start: ({ port }) =>
    rawServer(port, async (connection) => {
      for (let head = await connection.head(); head; head = await connection.head()) {
        const length = Number(head.headers.get('content-length') ?? 0);
        if (length > 1 << 20) {
          connection.socket.pause();
          await new Promise((resolve) => setTimeout(resolve, 300));
          connection.socket.resume();
        }
        const body = (await connection.bytes(length)) ?? Buffer.alloc(0);
        if (length > 1 << 20) await new Promise((resolve) => setTimeout(resolve, 500));
        const request = { ...head, body };
        connection.write(written(request, smallSite(request)));
      }
    }),
  settings: () => ({ responseTimeout: 300 }),
  asks: { ...smallAsks, upload: { path: '/flash', method: 'POST', chunked: false } },
};
