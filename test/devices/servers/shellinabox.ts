import type { Device } from '../suite/device.ts';
import { program } from '../suite/program.ts';

/** A terminal that works by long polls. */
export const device: Device = {
  start: async ({ port, directory }) =>
    program(port, 'shellinaboxd', [
      ...['--disable-ssl', '--localhost-only', '--port', String(port)],
      ...['--service', `/:root:root:${directory}:echo ready; read line; echo $line`],
    ]),
  asks: {
    page: '/',
    withoutChromium: true,
    form: { path: '/', body: 'width=80&height=24&rooturl=/' },
    image: '/enabled.gif',
    volatile: [/(?<="session":")[^"]*/g],
  },
};
