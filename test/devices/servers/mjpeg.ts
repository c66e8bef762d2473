import type { Device } from '../suite/device.ts';
import { image } from '../suite/documents.ts';
import { rawServer } from '../suite/raw-server.ts';
import { smallAsks, smallSite, written } from '../suite/small-site.ts';

/** A camera: pictures one after the other, without an end (`multipart/x-mixed-replace`). */
export const device: Device = {
  start: ({ port }) =>
    rawServer(port, async (connection) => {
      for (let request = await connection.request(); request; request = await connection.request()) {
        if (request.target !== '/stream') {
          connection.write(written(request, smallSite(request)));
          continue;
        }
        connection.write('HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=frame\r\n\r\n');
        const part = `--frame\r\nContent-Type: image/png\r\nContent-Length: ${image.length}\r\n\r\n`;
        const send = () => {
          connection.write(part);
          connection.write(Buffer.concat([image, Buffer.from('\r\n')]));
        };
        send();
        const timer = setInterval(send, 20);
        await new Promise((resolve) => connection.socket.once('close', resolve));
        clearInterval(timer);
        return;
      }
    }),
  asks: { ...smallAsks, stream: { path: '/stream', bytes: 1000 } },
};
