import type { Device } from '../suite/device.ts';
import { documents, files } from '../suite/documents.ts';
import { program } from '../suite/program.ts';

export const device: Device = {
  start: async ({ port, directory }) =>
    program(port, 'weborf', ['-i', '127.0.0.1', '-p', String(port), '-b', documents(directory)]),
  asks: files,
};
