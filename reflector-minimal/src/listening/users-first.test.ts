import { EventEmitter } from 'node:events';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import type { Newcomer } from './first-bytes.ts';
import { UsersFirst } from './users-first.ts';

/** Says in its first bytes who it is: `d`, `u`, or `?` for what is not complete. */
const newcomer = (bytes: Uint8Array): Newcomer => {
  const text = Buffer.from(bytes).toString();
  return text.includes('d') ? 'device' : text.includes('u') ? 'other' : 'incomplete';
};

const limits = { firstBytes: 8, firstBytesMs: 1_000, turnsForUsers: 3, tunnels: 5 };

let clock: ManualClock;
let turns: (() => void)[];
let first: UsersFirst;
let server: EventEmitter;
/** What the server got, in this order. */
let served: string[];
let isCrowded: boolean;
let isFull: boolean;
beforeEach(() => {
  clock = new ManualClock();
  turns = [];
  served = [];
  isCrowded = false;
  isFull = false;
  server = new EventEmitter();
  first = new UsersFirst({
    newcomer,
    admits: (socket) => {
      if (isFull) socket.destroy();
      return !isFull;
    },
    mayWait: () => !isCrowded,
    limits,
    clock,
    soon: (run) => turns.push(run),
  });
  server.on('connection', (socket: Peer) => {
    served.push(socket.name + String(socket.read() ?? ''));
  });
  first.guard(server as Server);
});

class Peer extends Duplex {
  readonly name: string;

  constructor(name: string) {
    super({ read() {}, write: (_chunk, _encoding, done) => done() });
    this.name = name;
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

async function come(name: string, ...pieces: readonly string[]): Promise<Peer> {
  const peer = new Peer(name);
  server.emit('connection', peer as unknown as Socket);
  for (const piece of pieces) {
    peer.push(piece);
    await settled();
  }
  return peer;
}

function turn(): void {
  for (const run of turns.splice(0)) run();
}

test('a user who comes after devices is served before them, and they in their order', async () => {
  for (const name of ['1', '2', '3']) await come(name, 'd');
  await come('user', 'u');
  const perTurn: (readonly string[])[] = [];
  for (let n = 0; n < 4; n++) {
    perTurn.push([...served]);
    turn();
  }
  expect(perTurn).toEqual([['useru'], ['useru'], ['useru', '1d'], ['useru', '1d', '2d']]);
  expect(served).toEqual(['useru', '1d', '2d', '3d']);
  expect(turns).toEqual([]);
});

test('turnsForUsers: while connections come, so many turns are for them, and the next one is for a device', async () => {
  for (const name of ['1', '2']) await come(name, 'd');
  const perTurn: number[] = [];
  for (let n = 0; n < 8; n++) {
    await come('silent');
    turn();
    perTurn.push(served.length);
  }
  expect(perTurn).toEqual([0, 0, 0, 1, 1, 1, 1, 2]);
});

test('what it has said is complete and in order, in however many pieces it came', async () => {
  await come('user', '?', '?', 'u?');
  expect(served).toEqual(['user??u?']);
});

test('firstBytesMs: whoever says nothing, or not enough, goes on like a user', async () => {
  await come('silent');
  clock.advance(500);
  await come('slow', '?');
  clock.advance(499);
  expect(served).toEqual([]);
  clock.advance(1);
  expect(served).toEqual(['silent']);
  clock.advance(500);
  expect(served).toEqual(['silent', 'slow?']);
  expect(clock.pending).toBe(0);
});

describe('firstBytes:', () => {
  test('firstBytes: whoever says more without saying who it is goes on like a user', async () => {
    await come('user', '????????');
    expect(served).toEqual([]);
    await come('long', '?????????');
    expect(served).toEqual(['long?????????']);
  });

  test('firstBytes: a device that waits and says more is closed', async () => {
    const talker = await come('talker', 'd', '????????');
    const quiet = await come('quiet', 'd', '???????');
    expect([talker.destroyed, quiet.destroyed, first.waiting]).toEqual([true, false, 1]);
  });
});

test('tunnels: no more devices wait than may be connected', async () => {
  const devices = await Promise.all(['1', '2', '3', '4', '5', '6'].map((name) => come(name, 'd')));
  expect(devices.map(({ destroyed }) => destroyed)).toEqual([false, false, false, false, false, true]);
});

test('a device of a network that has many connections does not wait: it is closed, and its users are served', async () => {
  isCrowded = true;
  expect((await come('1', 'd')).destroyed).toBe(true);
  await come('user', 'u');
  expect(served).toEqual(['useru']);
});

test('what may not stay is not held', async () => {
  isFull = true;
  expect((await come('user', 'u')).destroyed).toBe(true);
  expect([served, clock.pending]).toEqual([[], 0]);
});

test('a device that has given up takes no turn', async () => {
  const [gone, reset] = [await come('gone', 'd'), await come('reset', 'd')];
  await come('stays', 'd');
  gone.push(null);
  reset.destroy(new Error('reset by its peer'));
  await settled();
  expect(gone.destroyed).toBe(true);
  turn();
  turn();
  expect(served).toEqual(['staysd']);
});

test('one that fails costs no other device its turn', async () => {
  server.prependListener('connection', ({ name }: Peer) => {
    if (name === 'bad') throw new Error('a bug');
  });
  await come('bad', 'd');
  await come('good', 'd');
  turn();
  expect(turn).toThrow('a bug');
  turn();
  expect(served).toEqual(['goodd']);
});

test('the end closes what is held', async () => {
  const held = [await come('silent'), await come('device', 'd')];
  first.stop();
  await settled();
  expect(held.map(({ destroyed }) => destroyed)).toEqual([true, true]);
  expect([first.waiting, clock.pending]).toEqual([0, 0]);
  turn();
  expect(served).toEqual([]);
});
