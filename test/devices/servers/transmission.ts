import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Device } from '../suite/device.ts';
import { program } from '../suite/program.ts';

/** Transmission guards against DNS rebinding by `Host`, and against forged requests by a token in a header. */
export const device: Device = {
  start: async ({ port, directory }) => {
    const settings = {
      'rpc-bind-address': '127.0.0.1',
      'rpc-port': port,
      'rpc-host-whitelist-enabled': true,
      'rpc-whitelist': '127.0.0.1',
      'download-dir': directory,
      'dht-enabled': false,
      'lpd-enabled': false,
      'port-forwarding-enabled': false,
      'peer-port-random-on-start': true,
    };
    writeFileSync(join(directory, 'settings.json'), JSON.stringify(settings));
    return program(port, 'transmission-daemon', ['-f', '-g', directory], {
      environment: { TRANSMISSION_HOME: directory },
    });
  },
  settings: (port) => ({ host: `127.0.0.1:${port}` }),
  asks: {
    page: '/transmission/web/',
    // Its page asks for news of its torrents all the time.
    withoutChromium: true,
    image: '/transmission/web/images/favicon.png',
    form: { path: '/transmission/rpc', body: '{"method":"session-get"}' },
    redirect: '/',
    volatile: [/(?<=X-Transmission-Session-Id: )\w+/g],
  },
};
