import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { ManualClock } from '../../protocol/src/testing/manual-clock.ts';
import { Boundary, boundaryOf } from './boundary.ts';

function setUp(): { boundary: Boundary; said: string[] } {
  const said: string[] = [];
  const boundary = new Boundary(
    () => said.push('ended'),
    (error) => said.push(String(error)),
  );
  return { boundary, said };
}

const fail = (): never => {
  throw new Error('broken');
};

test('a listener that throws ends the exchange, and is reported once', () => {
  const { boundary, said } = setUp();
  const emitter = new EventEmitter();
  emitter.on('before', fail);
  boundary.contain(emitter);
  emitter.on('after', fail);
  expect([emitter.emit('before', 1), emitter.emit('after'), emitter.emit('nothing')]).toEqual([
    true,
    true,
    false,
  ]);
  expect(said).toEqual(['Error: broken', 'ended']);
  expect(boundaryOf(emitter)).toBe(boundary);
});

test('listeners get what was emitted, and `this`', () => {
  const { boundary } = setUp();
  const emitter = new EventEmitter();
  boundary.contain(emitter);
  const seen: unknown[] = [];
  emitter.on('event', function (this: unknown, ...args: unknown[]) {
    seen.push(this, ...args);
  });
  emitter.emit('event', 1, 'two');
  expect(seen).toEqual([emitter, 1, 'two']);
});

test('an error event that nobody listens for is contained', () => {
  const { boundary, said } = setUp();
  const emitter = new EventEmitter();
  boundary.contain(emitter);
  emitter.emit('error', new Error('unheard'));
  expect(said).toEqual(['Error: unheard', 'ended']);
});

test('a timer that throws ends the exchange', () => {
  const { boundary, said } = setUp();
  const clock = new ManualClock();
  boundary.clock(clock).schedule(5, fail);
  clock.advance(5);
  expect(said).toEqual(['Error: broken', 'ended']);
});
