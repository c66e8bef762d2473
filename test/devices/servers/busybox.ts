import { join } from 'node:path';
import { cgiPrograms } from '../suite/cgi.ts';
import type { Device } from '../suite/device.ts';
import { documents, files } from '../suite/documents.ts';
import { program } from '../suite/program.ts';

/** BusyBox's httpd with shell scripts, the web interface of half of all routers. */
export const device: Device = {
  start: async ({ port, directory }) => {
    const root = documents(directory);
    cgiPrograms(join(root, 'cgi-bin'));
    return program(port, 'busybox', ['httpd', '-f', '-p', `127.0.0.1:${port}`, '-h', root]);
  },
  asks: {
    ...files,
    redirect: '/cgi-bin/move.cgi',
    form: { path: '/cgi-bin/form.cgi?a=b', body: 'speed=7&name=Pump+7' },
    upload: { path: '/cgi-bin/upload.cgi', method: 'POST', chunked: false },
  },
};
