import { createHash } from 'node:crypto';
import type { Device } from '../suite/device.ts';
import { image } from '../suite/documents.ts';
import { type RawRequest, rawServer } from '../suite/raw-server.ts';
import { smallAsks, smallSite, written } from '../suite/small-site.ts';

const realm = 'DS-2CD2042WD';
const nonce = '4e6a49304e7a4d364f5449324d7a45344d513d3d';
const md5 = (text: string) => createHash('md5').update(text).digest('hex');

function isRight({ method, headers }: RawRequest): boolean {
  const field = headers.get('authorization') ?? '';
  const part = (name: string) => new RegExp(`[ ,]${name}="?([^",]*)`).exec(field)?.[1] ?? '';
  const ha1 = md5(`admin:${realm}:camera`);
  const ha2 = md5(`${method}:${part('uri')}`);
  return part('response') === md5([ha1, nonce, part('nc'), part('cnonce'), part('qop'), ha2].join(':'));
}

/** A camera as most are: pictures without an end behind Digest, XML interfaces, HTTP/1.0 with parts that name no length. */
export const device: Device = {
  start: ({ port }) =>
    rawServer(port, async (connection) => {
      for (let request = await connection.request(); request; request = await connection.request()) {
        const { target } = request;
        const site = smallSite(request);
        if (target.startsWith('/ISAPI/') && !isRight(request)) {
          const headers = [
            `WWW-Authenticate: Digest qop="auth", realm="${realm}", nonce="${nonce}", stale="FALSE"`,
          ];
          connection.write(written(request, { ...site, status: 401, reason: 'Unauthorized', headers }));
        } else if (target === '/ISAPI/System/deviceInfo') {
          const body = Buffer.from(
            '<?xml version="1.0"?><DeviceInfo><deviceName>Gate</deviceName></DeviceInfo>\n',
          );
          connection.write(
            written(request, { ...site, status: 200, reason: 'OK', type: 'application/xml', body }),
          );
        } else if (target === '/video.mjpg') {
          connection.write(
            'HTTP/1.0 200 OK\r\nConnection: close\r\nCache-Control: no-store\r\nContent-Type: multipart/x-mixed-replace; boundary="--myboundary"\r\n\r\n',
          );
          const send = () => {
            connection.write('--myboundary\r\nContent-Type: image/png\r\n\r\n');
            connection.write(Buffer.concat([image, Buffer.from('\r\n')]));
          };
          send();
          const timer = setInterval(send, 20);
          await new Promise((resolve) => connection.socket.once('close', resolve));
          clearInterval(timer);
          return;
        } else connection.write(written(request, site));
      }
    }),
  asks: {
    ...smallAsks,
    auth: { path: '/ISAPI/System/deviceInfo', user: 'admin', password: 'camera', scheme: 'digest' },
    stream: { path: '/video.mjpg', bytes: 1000 },
  },
};
