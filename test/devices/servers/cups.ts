import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Device } from '../suite/device.ts';
import { program } from '../suite/program.ts';

/** CUPS on the loopback interface answers to names of this machine only. */
export const device: Device = {
  start: async ({ port, directory }) => {
    const place = (name: string) => {
      const path = join(directory, name);
      mkdirSync(path);
      return path;
    };
    const files = join(directory, 'cups-files.conf');
    writeFileSync(
      files,
      [
        ...['SystemGroup root', 'ErrorLog /dev/null', 'AccessLog /dev/null', 'PageLog /dev/null'],
        ...['ServerRoot', 'CacheDir', 'StateDir', 'RequestRoot', 'TempDir'].map(
          (name) => `${name} ${place(name)}`,
        ),
        '',
      ].join('\n'),
    );
    const settings = join(directory, 'cupsd.conf');
    writeFileSync(
      settings,
      [
        ...[`Listen 127.0.0.1:${port}`, 'WebInterface Yes', 'DefaultAuthType None', 'Browsing No'],
        ...['<Location />', 'Order allow,deny', 'Allow all', '</Location>', ''],
      ].join('\n'),
    );
    return program(port, 'cupsd', ['-f', '-c', settings, '-s', files]);
  },
  settings: (port) => ({ host: `127.0.0.1:${port}` }),
  asks: {
    page: '/',
    image: '/images/cups-icon.png',
    // Each on a connection of its own: what cupsd answers depends on what it was asked there before.
    others: [{ method: 'POST', path: '/printers/', body: 'QUERY=pump' }],
    volatile: [/org\.cups\.sid=[0-9a-f]+/g, /(?<=org\.cups\.sid" VALUE=")[0-9a-f]+/g],
  },
};
