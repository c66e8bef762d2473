import type { Device } from '../suite/device.ts';
import { rawServer } from '../suite/raw-server.ts';
import { smallAsks, smallSite, written } from '../suite/small-site.ts';

/** Knows its own address, and leads there whatever name it was asked by: by a redirect, a refresh, a form that was taken. */
export const device: Device = {
  start: ({ port }) =>
    rawServer(port, async (connection) => {
      const own = `http://127.0.0.1:${port}`;
      for (let request = await connection.request(); request; request = await connection.request()) {
        const site = smallSite(request);
        const lines: Record<string, readonly string[]> = {
          '/move': [`Location: ${own}/?moved`],
          '/wait': [`Refresh: 3; url=${own}/`],
          '/made': [`Content-Location: ${own}/made/7`],
          '/elsewhere': ['Location: https://vendor.example/'],
        };
        const headers = lines[request.target];
        if (request.target === '/?moved')
          connection.write(written(request, smallSite({ ...request, target: '/' })));
        else if (headers === undefined) connection.write(written(request, site));
        else {
          const [status, reason] = /^Location/.test(headers[0] ?? '') ? [303, 'See Other'] : [200, 'OK'];
          const body = Buffer.from('<title>Wait</title>');
          connection.write(
            written(request, {
              status: Number(status),
              reason: String(reason),
              type: 'text/html',
              body,
              headers,
            }),
          );
        }
      }
    }),
  asks: {
    ...smallAsks,
    others: ['/wait', '/made', '/elsewhere'].map((path) => ({ method: 'GET', path })),
  },
};
