import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { defaultLimits } from '../limits.ts';
import { Handshake } from './handshake.ts';

/** What is written to it is kept; nothing comes. */
class FakeSocket extends Duplex {
  text = '';

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString('latin1');
    done();
  }

  get status(): string {
    return this.text.slice(9, 12);
  }
}

const key = 'dGhlIHNhbXBsZSBub25jZQ==';
const valid = { upgrade: 'websocket', 'sec-websocket-key': key, 'sec-websocket-version': '13' };

/** The socket, after our answer to this head, and what the WebSocket has received. */
async function answered(changes: IncomingHttpHeaders, head = '', prepare = (_: FakeSocket) => {}) {
  const socket = new FakeSocket();
  prepare(socket);
  const failed = (error: unknown) => {
    throw error;
  };
  const received: string[] = [];
  const handshake = new Handshake({ limits: defaultLimits, messageBytes: 100, failed });
  const request = { headers: { ...valid, ...changes } } as unknown as IncomingMessage;
  handshake.complete(request, socket, Buffer.from(head, 'hex'), [['X-Added', 'yes']], (webSocket) => {
    webSocket.on('message', (bytes) => received.push(String(bytes)));
  });
  await new Promise(setImmediate);
  return { socket, received };
}

/** The status of ws for it. */
function statusOfWs(changes: IncomingHttpHeaders): string {
  const socket = new FakeSocket();
  const server = new WebSocketServer({ noServer: true, clientTracking: false });
  const request = { method: 'GET', headers: { ...valid, ...changes } } as unknown as IncomingMessage;
  server.handleUpgrade(request, socket, Buffer.alloc(0), (webSocket) => webSocket.terminate());
  return socket.status;
}

test.each<[IncomingHttpHeaders, '101' | '400']>([
  [{}, '101'],
  [{ upgrade: 'WebSocket' }, '101'],
  [{ 'sec-websocket-version': '8' }, '101'],
  [{ upgrade: 'websocket, h2c' }, '400'],
  [{ upgrade: 'h2c' }, '400'],
  [{ upgrade: undefined }, '400'],
  [{ 'sec-websocket-version': '7' }, '400'],
  [{ 'sec-websocket-version': '13, 13' }, '400'],
  [{ 'sec-websocket-version': '' }, '400'],
  [{ 'sec-websocket-version': undefined }, '400'],
  [{ 'sec-websocket-key': undefined }, '400'],
  [{ 'sec-websocket-key': '' }, '400'],
  [{ 'sec-websocket-key': `${key}, ${key}` }, '400'],
  [{ 'sec-websocket-key': `${key}\n` }, '400'],
  [{ 'sec-websocket-key': key.slice(1) }, '400'],
  [{ 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZ===' }, '400'],
  [{ 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZ_==' }, '400'],
])('a head with %j is answered as ws does it: %s', async (changes, status) => {
  const { socket } = await answered(changes);
  expect([socket.status, statusOfWs(changes)]).toEqual([status, status]);
  expect(socket.destroyed).toBe(status === '400');
});

test('the 101 response has what RFC 6455 section 4.2.2 wants, and what was given', async () => {
  const { socket } = await answered({});
  expect(socket.text).toBe(
    [
      'HTTP/1.1 101 Switching Protocols',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
      'X-Added: yes',
      '\r\n',
    ].join('\r\n'),
  );
});

test('what came with the request is the first that is read', async () => {
  const { received } = await answered({}, '818100000000' + '61', (socket) => {
    socket.push(Buffer.from('81810000000062', 'hex'));
  });
  expect(received).toEqual(['a', 'b']);
});

test('a socket that has gone is not answered', async () => {
  const { socket } = await answered({}, '', (gone) => gone.destroy());
  expect(socket.text).toBe('');
});
