import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls';
import { afterAll, expect, test } from 'vitest';
import { selfSigned } from '../../../test/certificates/self-signed.ts';
import { breakOff } from './break-off.ts';

const directory = mkdtempSync(join(tmpdir(), 'rm-break-off-'));
afterAll(() => rmSync(directory, { recursive: true }));

async function listening(server: Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

/** Once the other side has got a part. */
function breakOffLater(socket: Socket): void {
  socket.on('error', () => {});
  socket.write('part');
  socket.once('data', () => breakOff(socket));
}

/** How the other side sees the end. */
function endOf(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.on('error', ({ code = '' }: NodeJS.ErrnoException) => resolve(code));
    socket.on('end', () => resolve('in order'));
    socket.once('data', () => socket.write('got it'));
  });
}

test('without TLS the other side sees a reset', async () => {
  const server = createServer(breakOffLater);
  const client = connect(await listening(server), '127.0.0.1');
  expect(await endOf(client)).toBe('ECONNRESET');
  server.close();
});

test('with TLS, too: curl and Node take an end without close_notify for one in order', async () => {
  const files = selfSigned(directory, 'localhost');
  const [cert, key] = [readFileSync(files.cert), readFileSync(files.key)];
  const server = createTlsServer({ cert, key }, breakOffLater);
  const port = await listening(server);
  const client = tlsConnect({ port, host: '127.0.0.1', ca: cert, servername: 'localhost' });
  expect(await endOf(client)).toBe('ECONNRESET');
  server.close();
});

test('a connection that has gone already is left alone', () => {
  const socket = new Socket();
  socket.destroy();
  breakOff(socket);
  expect(socket.destroyed).toBe(true);
});
