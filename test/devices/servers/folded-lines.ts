import type { Device } from '../suite/device.ts';
import { rawServer } from '../suite/raw-server.ts';
import { smallAsks, smallSite, written } from '../suite/small-site.ts';

/** Goes on with a header on the next line (RFC 9112 section 5.2). */
export const device: Device = {
  start: ({ port }) =>
    rawServer(port, async (connection) => {
      for (let request = await connection.request(); request; request = await connection.request()) {
        const site = smallSite(request);
        const headers = [...(site.headers ?? []), 'Server: Pump,', ' made of', '\tgood steel'];
        connection.write(written(request, { ...site, headers }));
      }
    }),
  asks: smallAsks,
};
