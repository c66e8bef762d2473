import { join } from 'node:path';
import { cgiPrograms } from '../suite/cgi.ts';
import type { Device } from '../suite/device.ts';
import { documents, files } from '../suite/documents.ts';
import { program } from '../suite/program.ts';

/** ACME's mini_httpd, which passes the head of a CGI program on as it is. */
export const device: Device = {
  start: async ({ port, directory }) => {
    const root = documents(directory);
    cgiPrograms(join(root, 'cgi-bin'));
    return program(port, 'mini_httpd', [
      ...['-D', '-h', '127.0.0.1', '-p', String(port), '-d', root, '-u', 'root'],
      ...['-c', 'cgi-bin/*', '-l', '/dev/null', '-i', join(directory, 'pid')],
    ]);
  },
  asks: {
    ...files,
    // By GET: after a POST it shuts its connection down before the script has written (1.30).
    others: [{ method: 'GET', path: '/cgi-bin/form.cgi?speed=7' }],
  },
};
