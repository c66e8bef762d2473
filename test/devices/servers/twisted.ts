import type { Device } from '../suite/device.ts';
import { documents, files } from '../suite/documents.ts';
import { program } from '../suite/program.ts';

export const device: Device = {
  start: async ({ port, directory }) =>
    program(port, '/usr/bin/python3', [
      ...['-m', 'twisted', '--log-level', 'error', 'web', '--path', documents(directory)],
      ...['--listen', `tcp:${port}:interface=127.0.0.1`],
    ]),
  asks: { ...files, volatile: [/twistd\/\S+|TwistedWeb\/\S+/g] },
};
