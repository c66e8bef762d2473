import { Duplex } from 'node:stream';
import { encodeData } from 'rm-protocol';
import { expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import { message } from '../testing/relay-pair.ts';
import { encodeHello, relayVersions } from './hello.ts';
import { PeerConnection, type PeerEvents } from './peer-connection.ts';

const ignored = () => {};

/** A connection whose other end has said hello, and what it tells. */
function connection() {
  const told: unknown[] = [];
  const socket = new Duplex({ read: ignored, write: (_chunk, _encoding, done) => done() });
  const events: PeerEvents = {
    ...{ open: ignored, confirmed: ignored, refused: ignored, unavailable: ignored, credit: ignored },
    ...{ closed: ignored, failed: ignored, lives: ignored, faulty: (error) => told.push(error) },
    greeted: () => null,
    data: (_number, piece) => told.push(piece.length),
    lost: (reason) => told.push(reason),
  };
  const node = { name: 'own', epoch: 1 };
  new PeerConnection({
    socket,
    node,
    limits: defaultLimits,
    clock: new ManualClock(),
    carried: ignored,
    events,
  });
  socket.push(encodeHello({ name: 'other', epoch: 2, ...relayVersions }));
  return { socket, told };
}

test.each([
  ['closed', undefined, 'connection lost'],
  ['reset', new Error('read ECONNRESET'), 'read ECONNRESET'],
])('what has come before it is %s is taken', async (_name, error, reason) => {
  const { socket, told } = connection();
  await new Promise((resolve) => setImmediate(resolve));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  // Within the turn in which the bytes are handed on.
  socket.once('data', () => socket.destroy(error));
  // As much as TLS hands on in full records.
  socket.push(message(encodeData(1, Buffer.alloc(40_000))));
  await closed;
  expect(told.at(-1)).toBe(reason);
  expect(told.slice(0, -1).reduce((sum: number, bytes) => sum + Number(bytes), 0)).toBe(40_000);
});
