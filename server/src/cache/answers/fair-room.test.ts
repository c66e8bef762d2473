import { expect, test } from 'vitest';
import { CacheStage, deviceOf } from '../../testing/cache-stage.ts';
import { FairRoom, type Item } from './fair-room.ts';

class Thing implements Item {
  bytes = 0;
  inUse = false;
  readonly name: string;
  readonly owners: readonly string[];
  readonly #room: FairRoom;
  readonly gone: string[];

  constructor(room: FairRoom, gone: string[], name: string, ...owners: readonly string[]) {
    this.#room = room;
    this.gone = gone;
    this.name = name;
    this.owners = owners;
  }

  evict(): void {
    this.gone.push(this.name);
    this.#room.give(this, this.bytes);
  }
}

function room(bytes: number) {
  const of = new FairRoom(bytes);
  const gone: string[] = [];
  const put = (name: string, size: number, ...owners: readonly string[]) => {
    const thing = new Thing(of, gone, name, ...owners);
    return { thing, taken: of.take(thing, size) };
  };
  return { of, gone, put };
}

test('what was not used for longest goes first', () => {
  const { of, gone, put } = room(30);
  const { thing } = put('a', 10, 'd', 'u');
  put('b', 10, 'd', 'u');
  put('c', 10, 'd', 'u');
  of.touch(thing);
  put('d', 15, 'd', 'u');
  expect([gone, of.used]).toEqual([['b', 'c'], 25]);
});

test('room is taken from whoever has most', () => {
  const { gone, put } = room(100);
  for (let i = 0; i < 8; i++) put(`big ${i}`, 10, 'd1', 'u1');
  put('small', 20, 'd2', 'u2');
  put('newer', 10, 'd3', 'u3');
  expect(gone).toEqual(['big 0']);
});

test('who has most makes room from their own', () => {
  const { gone, put } = room(100);
  put('small', 20, 'd2', 'u2');
  for (let i = 0; i < 20; i++) put(`big ${i}`, 10, 'd1', 'u1');
  expect(gone).toEqual(Array.from({ length: 12 }, (_one, i) => `big ${i}`));
});

test('what is in use stays; who has more than others gets nothing then', () => {
  const { of, gone, put } = room(40);
  const first = put('a', 20, 'd1', 'u1');
  first.thing.inUse = true;
  put('b', 10, 'd2', 'u2');
  expect(put('c', 20, 'd1', 'u1').taken).toBe(false);
  expect([gone, of.used]).toEqual([[], 30]);
  expect(put('e', 41, 'd3', 'u3').taken).toBe(false);
});

test('what is too much after a change of size goes', () => {
  const { of, gone, put } = room(40);
  put('a', 10, 'd1', 'u1');
  put('b', 20, 'd2', 'u2');
  of.resize(15);
  expect([gone, of.used]).toEqual([['b'], 10]);
});

const fresh = ['Content-Type: image/png', 'Cache-Control: max-age=600'];
const body = Buffer.alloc(10_000);

test('one device does not push out all of another', () => {
  const stage = new CacheStage(1 << 18);
  const quiet = { device: deviceOf('quiet'), user: 'alice' };
  for (let i = 0; i < 5; i++) stage.ask({ ...quiet, target: `/${i}` }, { head: fresh, body });
  // It is shown to many users, so that none of them has much.
  for (let i = 0; i < 60; i++)
    stage.ask({ device: deviceOf('greedy'), user: `user ${i}` }, { head: fresh, body });
  const kept = Array.from({ length: 5 }, (_one, i) => stage.ask({ ...quiet, target: `/${i}` }).by);
  expect(kept).toEqual(Array(5).fill('kept'));
});

test('one user does not push out all of another', () => {
  const stage = new CacheStage(1 << 18);
  const quiet = { device: deviceOf('quiet'), user: 'alice' };
  for (let i = 0; i < 5; i++) stage.ask({ ...quiet, target: `/${i}` }, { head: fresh, body });
  // On many devices, so that none of them has much.
  for (let i = 0; i < 60; i++)
    stage.ask({ device: deviceOf(`device ${i}`), user: 'mallory' }, { head: fresh, body });
  const kept = Array.from({ length: 5 }, (_one, i) => stage.ask({ ...quiet, target: `/${i}` }).by);
  expect(kept).toEqual(Array(5).fill('kept'));
});
