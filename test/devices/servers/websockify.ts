import { createServer } from 'node:net';
import { reservedPort } from '../../system/loopback-port.ts';
import type { Device } from '../suite/device.ts';
import { documents, files } from '../suite/documents.ts';
import { program } from '../suite/program.ts';

/** websockify in front of a program that repeats what it reads, as noVNC has it in front of a desktop. */
export const device: Device = {
  start: async ({ port, directory }) => {
    const behind = await reservedPort();
    const echo = createServer((socket) => socket.on('error', () => {}).pipe(socket));
    await new Promise<void>((resolve) => echo.listen(behind, '127.0.0.1', resolve));
    const running = await program(port, 'websockify', [
      ...['--web', documents(directory), `127.0.0.1:${port}`, `127.0.0.1:${behind}`],
    ]);
    return {
      stop: async () => {
        await running.stop();
        echo.close();
      },
    };
  },
  asks: {
    ...files,
    webSocket: { path: '/websockify', send: ['one', 'x'.repeat(70_000), 'two'], protocol: 'binary' },
  },
};
