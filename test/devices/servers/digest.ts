import { createHash, randomBytes } from 'node:crypto';
import type { Device } from '../suite/device.ts';
import { type RawRequest, rawServer } from '../suite/raw-server.ts';
import { smallAsks, smallSite, written } from '../suite/small-site.ts';

const md5 = (text: string) => createHash('md5').update(text).digest('hex');

function isRight({ method, headers }: RawRequest, nonce: string): boolean {
  const field = headers.get('authorization') ?? '';
  const part = (name: string) => new RegExp(`[ ,]${name}="?([^",]*)`).exec(field)?.[1] ?? '';
  const ha1 = md5('admin:camera:pump');
  const ha2 = md5(`${method}:${part('uri')}`);
  const expected = md5([ha1, nonce, part('nc'), part('cnonce'), part('qop'), ha2].join(':'));
  return part('nonce') === nonce && part('response') === expected;
}

/** A camera: Digest, and a nonce that is good on the connection on which it was given. */
export const device: Device = {
  start: ({ port }) =>
    rawServer(port, async (connection) => {
      const nonce = randomBytes(8).toString('hex');
      for (let request = await connection.request(); request; request = await connection.request()) {
        if (!request.target.startsWith('/secret') || isRight(request, nonce)) {
          const target = request.target.startsWith('/secret') ? '/' : request.target;
          connection.write(written(request, smallSite({ ...request, target })));
          continue;
        }
        const headers = [`WWW-Authenticate: Digest realm="camera", qop="auth", nonce="${nonce}"`];
        const body = Buffer.from('log in');
        const refused = { status: 401, reason: 'Unauthorized', type: 'text/plain', body, headers };
        connection.write(written(request, refused));
      }
    }),
  asks: {
    ...smallAsks,
    auth: { path: '/secret', user: 'admin', password: 'pump', scheme: 'digest' },
    volatile: [/nonce="[^"]*"/g],
  },
};
