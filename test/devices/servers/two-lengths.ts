import type { Device } from '../suite/device.ts';
import { rawServer } from '../suite/raw-server.ts';
import { smallAsks, smallSite, written } from '../suite/small-site.ts';

/** The script and the server both add the length. */
export const device: Device = {
  start: ({ port }) =>
    rawServer(port, async (connection) => {
      for (let request = await connection.request(); request; request = await connection.request()) {
        const site = smallSite(request);
        const headers = [...(site.headers ?? []), `Content-Length: ${site.body.length}`];
        connection.write(written(request, { ...site, headers }));
      }
    }),
  asks: smallAsks,
};
