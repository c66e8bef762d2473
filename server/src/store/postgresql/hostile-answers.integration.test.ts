import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { StoreUnavailable } from 'rm-reflector/ports';
import { afterEach, expect, test } from 'vitest';
import { connectionOf } from './connection.ts';
import { Database } from './database.ts';
import { postgresqlLimits } from './limits.ts';

let server: Server | undefined;
let database: Database | undefined;
afterEach(async () => {
  await database?.close();
  server?.close();
});

/** A message of the database: its type, and its length with itself. */
function message(type: string, body: string): Buffer {
  const head = Buffer.alloc(5, type);
  head.writeInt32BE(4 + body.length / 2, 1);
  return Buffer.concat([head, Buffer.from(body, 'hex')]);
}

const admitted = message('R', '00000000');
const ready = message('Z', '49');
const unknownAuthentication = message('R', '0000710d');
const emptyDescription = message('T', '0000');

test.each([
  ['a way to log in that there is not', unknownAuthentication, Buffer.alloc(0)],
  ['an unknown message in place of the log-in', message('&', ''), Buffer.alloc(0)],
  ['a row that ends before its values', Buffer.concat([admitted, ready]), message('D', '0002000e0051')],
  ['a description of columns that has none of them', admitted, message('T', '7fff')],
  ['an unknown message', Buffer.concat([admitted, ready]), message('&', '')],
  ['a row that nobody has described', Buffer.concat([admitted, ready]), message('D', '0000')],
  [
    'an end of a command without a text',
    Buffer.concat([admitted, ready]),
    Buffer.concat([emptyDescription, message('C', '')]),
  ],
])('%s costs the call, not the process', async (_what, first, then) => {
  server = createServer((socket: Socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(first);
      socket.on('data', () => socket.write(then));
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const { config } = connectionOf({ url: `postgresql://rm@127.0.0.1:${port}/x`, tls: 'off' });
  const told: string[] = [];
  const limits = { ...postgresqlLimits, connectMs: 3_000, answerMs: 3_000 };
  database = new Database(config, limits, (text) => told.push(text));
  const call = database.transact(null, ({ query }) => query('SELECT 1'));
  await expect(call).rejects.toBeInstanceOf(StoreUnavailable);
  expect(told).toHaveLength(1);
});
