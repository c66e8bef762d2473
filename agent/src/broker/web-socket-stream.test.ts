import { acceptFor, parseHttpUri } from 'rm-protocol';
import { expect, it } from 'vitest';
import { concat } from '../../../protocol/src/testing/bytes.ts';
import { crypto } from '../../node/crypto.ts';
import { serverFrame } from '../../simulation/websocket-server.ts';
import type { Connection } from '../dial/connection.ts';
import type { ByteStream } from './broker-connection.ts';
import { upgradeToWebSocket } from './web-socket-stream.ts';

it('tells of the bytes of its answers to PINGs, so that they count as unsent', () => {
  let written = 0;
  const socket = {
    write: (bytes: Uint8Array, start = 0, end = bytes.length) => {
      written += end - start;
      return true;
    },
    destroy: () => undefined,
  };
  const connection = { socket, address: '192.0.2.9', handler: {} } as unknown as Connection;
  const random = { ...crypto, random: (bytes: Uint8Array) => bytes.fill(7) };
  const uri = parseHttpUri('http://broker.example/') ?? expect.fail('no URI');
  let stream: ByteStream | null = null;
  let unsent = 0;
  upgradeToWebSocket(
    connection,
    { crypto: random, uri, headBytes: 8192 },
    (opened) => {
      stream = opened;
      opened.deliverTo({
        data: () => undefined,
        sent: (count) => {
          unsent += count;
        },
        taken: (count) => {
          unsent -= count;
        },
        closed: () => undefined,
      });
    },
    (reason) => expect.fail(reason),
  );
  const accept = acceptFor(new Uint8Array(16).fill(7), (data) => crypto.digest('sha-1', data));
  const head = `HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
  written = 0;
  const received = concat(
    new TextEncoder().encode(head),
    serverFrame(9, new Uint8Array(125)),
    serverFrame(9),
  );
  connection.handler.data(received, 0, received.length);
  expect(stream).not.toBeNull();
  expect([unsent, written]).toEqual([6 + 125 + 6, 6 + 125 + 6]);
  connection.handler.taken(written);
  expect(unsent).toBe(0);
});
