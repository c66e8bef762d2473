import type { Device } from '../suite/device.ts';
import { rawServer } from '../suite/raw-server.ts';
import { smallAsks, smallSite, written } from '../suite/small-site.ts';

/** An NTLM challenge (MS-NLMP 2.2.1.2): Unicode and NTLM are negotiated, the target has no name. */
function challenge(): string {
  const message = Buffer.alloc(48);
  message.write('NTLMSSP\0', 'latin1');
  message.writeUInt32LE(2, 8);
  message.writeUInt32LE(48, 16);
  message.writeUInt32LE(0x0000_0201, 20);
  message.write('12345678', 24, 'latin1');
  return message.toString('base64');
}

/** Knows its users by the connection, from the third message of NTLM on. It looks at their names only. */
export const device: Device = {
  start: ({ port }) =>
    rawServer(port, async (connection) => {
      let user = '';
      for (let request = await connection.request(); request; request = await connection.request()) {
        const token = /^NTLM (.+)$/.exec(request.headers.get('authorization') ?? '')?.[1] ?? '';
        const message = Buffer.from(token, 'base64');
        const type = message.length > 12 ? message.readUInt32LE(8) : 0;
        if (type === 3) {
          const [length, at] = [message.readUInt16LE(36), message.readUInt32LE(40)];
          user = message.subarray(at, at + length).toString('utf16le');
        }
        const open = !request.target.startsWith('/secret');
        if (open) connection.write(written(request, smallSite(request)));
        else if (user === 'admin') {
          const body = Buffer.from(`secret of ${user}\n`);
          connection.write(written(request, { status: 200, reason: 'OK', type: 'text/plain', body }));
        } else {
          const headers = [`WWW-Authenticate: NTLM${type === 1 ? ` ${challenge()}` : ''}`];
          const body = Buffer.from('log in');
          const refused = { status: 401, reason: 'Unauthorized', type: 'text/plain', body, headers };
          connection.write(written(request, refused));
        }
      }
    }),
  asks: {
    ...smallAsks,
    auth: { path: '/secret', user: 'admin', password: 'pump', scheme: 'ntlm' },
  },
};
