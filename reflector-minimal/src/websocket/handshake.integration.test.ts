import { type EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { defaultLimits } from '../limits.ts';
import { Handshake } from './handshake.ts';
import type { ServerWebSocket } from './server-web-socket.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const server = createServer();
afterEach(() => void server.close());

test('a WebSocket that lasts does not keep the request that it began with', async () => {
  const failed = (error: unknown) => {
    throw error;
  };
  const handshake = new Handshake({ limits: defaultLimits, messageBytes: 1024, failed });
  let request: WeakRef<IncomingMessage> | undefined;
  let served: ServerWebSocket | undefined;
  server.once('upgrade', (asked: IncomingMessage, socket: Duplex, head: Buffer) => {
    request = new WeakRef(asked);
    handshake.complete(asked, socket, head, [['X-Path', asked.url ?? '']], (webSocket) => {
      served = webSocket;
      // As what takes the upgrade of a device does.
      asked.socket.setKeepAlive(false);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const device = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/a`);
  await once(device, 'open');
  // A message later, nothing of the upgrade is on the stack.
  device.send('x');
  await once(served as EventEmitter, 'message');
  await new Promise(setImmediate);
  collect();
  expect(request?.deref()).toBeUndefined();
  device.terminate();
  await once(served as EventEmitter, 'close');
});
