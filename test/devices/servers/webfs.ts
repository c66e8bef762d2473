import type { Device } from '../suite/device.ts';
import { documents, files } from '../suite/documents.ts';
import { program } from '../suite/program.ts';

export const device: Device = {
  start: async ({ port, directory }) =>
    program(port, 'webfsd', [
      ...['-F', '-4', '-i', '127.0.0.1', '-p', String(port), '-r', documents(directory), '-f', 'index.html'],
    ]),
  asks: files,
};
