import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Device } from '../suite/device.ts';
import { program } from '../suite/program.ts';

/** monit: Basic for everything, and a token against forged requests in a cookie and a form. */
export const device: Device = {
  start: async ({ port, directory }) => {
    const file = join(directory, 'monitrc');
    const settings = [
      'set daemon 3600',
      `set httpd port ${port} and use address 127.0.0.1`,
      '  allow admin:monit',
      ...['idfile', 'statefile', 'pidfile'].map((name) => `set ${name} ${join(directory, name)}`),
      '',
    ];
    writeFileSync(file, settings.join('\n'), { mode: 0o600 });
    return program(port, 'monit', ['-I', '-c', file]);
  },
  asks: {
    page: '/',
    withoutChromium: true,
    image: '/favicon.ico',
    form: { path: '/_runtime', body: 'action=validate' },
    auth: { path: '/_about', user: 'admin', password: 'monit', scheme: 'basic' },
    volatile: [/(?<=securitytoken(?:=|' value='))\w+/g],
  },
};
