import type { Device } from '../suite/device.ts';
import { documents, files } from '../suite/documents.ts';
import { program } from '../suite/program.ts';

/** Python's own server of files: HTTP/1.0, a redirect to directories. */
export const device: Device = {
  start: async ({ port, directory }) =>
    program(port, '/usr/bin/python3', [
      ...['-m', 'http.server', String(port), '--bind', '127.0.0.1'],
      ...['--directory', documents(directory)],
    ]),
  asks: files,
};
