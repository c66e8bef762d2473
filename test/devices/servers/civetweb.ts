import { join } from 'node:path';
import { cgiPrograms } from '../suite/cgi.ts';
import type { Device } from '../suite/device.ts';
import { documents, files } from '../suite/documents.ts';
import { program } from '../suite/program.ts';

export const device: Device = {
  start: async ({ port, directory }) => {
    const root = documents(directory);
    cgiPrograms(join(root, 'cgi-bin'));
    return program(port, 'civetweb', [
      ...['-listening_ports', `127.0.0.1:${port}`, '-document_root', root, '-cgi_pattern', '**.cgi$'],
    ]);
  },
  asks: { ...files, form: { path: '/cgi-bin/form.cgi?a=b', body: 'speed=7' } },
};
