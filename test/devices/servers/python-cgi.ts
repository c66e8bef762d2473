import { join } from 'node:path';
import { cgiPrograms } from '../suite/cgi.ts';
import type { Device } from '../suite/device.ts';
import { documents, files } from '../suite/documents.ts';
import { program } from '../suite/program.ts';

/** Python's server with CGI: the status line is its own, the head that of the program. */
export const device: Device = {
  start: async ({ port, directory }) => {
    const root = documents(directory);
    cgiPrograms(join(root, 'cgi-bin'));
    return program(
      port,
      'python3',
      [...['-m', 'http.server', String(port), '--bind', '127.0.0.1', '--directory', root, '--cgi']],
      { directory: root },
    );
  },
  asks: { ...files, form: { path: '/cgi-bin/form.cgi?a=b', body: 'speed=7' } },
};
