import type { Device } from '../suite/device.ts';
import { html } from '../suite/documents.ts';
import { rawServer } from '../suite/raw-server.ts';
import { smallAsks, smallSite, written } from '../suite/small-site.ts';

/** Makes every link absolute, from the `Host` that it was asked by. */
export const device: Device = {
  start: ({ port }) =>
    rawServer(port, async (connection) => {
      for (let request = await connection.request(); request; request = await connection.request()) {
        const base = `http://${request.headers.get('host')}/`;
        const site = smallSite(request);
        if (request.target === '/') {
          const body = Buffer.from(html.replace(/(src|href|action)="(?!data)/g, `$1="${base}`));
          connection.write(written(request, { ...site, body }));
        } else if (request.target === '/move') {
          connection.write(written(request, { ...site, headers: [`Location: ${base}`] }));
        } else connection.write(written(request, site));
      }
    }),
  // The name by which it was asked makes the page longer or shorter.
  asks: { ...smallAsks, volatile: [/^Content-Length: .*/] },
};
