import type { Device } from '../suite/device.ts';
import { rawServer } from '../suite/raw-server.ts';
import { smallAsks, smallSite } from '../suite/small-site.ts';

/** LuCI behind uhttpd: the script names a length, the server sends chunks beside it. */
export const device: Device = {
  start: ({ port }) =>
    rawServer(port, async (connection) => {
      for (let request = await connection.request(); request; request = await connection.request()) {
        const { status, reason, type, body, headers = [] } = smallSite(request);
        const lines = [
          ...[`HTTP/1.1 ${status} ${reason}`, 'Connection: Keep-Alive', 'Transfer-Encoding: chunked'],
          ...['Keep-Alive: timeout=20', `Content-Type: ${type}`, `Content-Length: ${body.length}`],
          ...[...headers, '\r\n'],
        ];
        connection.write(lines.join('\r\n'));
        if (request.method === 'HEAD') continue;
        for (let at = 0; at < body.length; at += 4096) {
          const piece = body.subarray(at, at + 4096);
          connection.write(`${piece.length.toString(16)}\r\n`);
          connection.write(Buffer.concat([piece, Buffer.from('\r\n')]));
        }
        connection.write('0\r\n\r\n');
      }
    }),
  // A length beside chunks means nothing (RFC 9112 section 6.3), and is not passed on.
  asks: { ...smallAsks, volatile: [/^Content-Length: .*/] },
};
