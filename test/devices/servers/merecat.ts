import { join } from 'node:path';
import type { Device } from '../suite/device.ts';
import { documents, files } from '../suite/documents.ts';
import { program } from '../suite/program.ts';

export const device: Device = {
  start: async ({ port, directory }) =>
    program(port, 'merecat', [
      ...['-n', '-p', String(port), '-P', join(directory, 'pid'), documents(directory)],
    ]),
  asks: files,
};
