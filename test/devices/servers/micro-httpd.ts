import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Device } from '../suite/device.ts';
import { documents, files } from '../suite/documents.ts';
import { program } from '../suite/program.ts';

/** A process for each request, started by xinetd. */
export const device: Device = {
  start: async ({ port, directory }) => {
    const settings = [
      'service web',
      '{',
      ...['type = UNLISTED', 'socket_type = stream', 'protocol = tcp', 'wait = no', 'user = root'],
      ...[
        `bind = 127.0.0.1`,
        `port = ${port}`,
        'instances = UNLIMITED',
        'cps = 0 0',
        'log_type = FILE /dev/null',
      ],
      ...['server = /usr/sbin/micro-httpd', `server_args = ${documents(directory)}`],
      '}',
    ];
    const file = join(directory, 'xinetd.conf');
    writeFileSync(file, `${settings.join('\n')}\n`);
    return program(port, 'xinetd', ['-dontfork', '-f', file, '-pidfile', join(directory, 'pid')]);
  },
  asks: files,
};
