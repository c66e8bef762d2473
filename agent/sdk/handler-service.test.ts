import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ascii, Collected, difference, pattern } from '../../protocol/src/testing/bytes.ts';
import { eventually, Recorder } from '../simulation/recorder.ts';
import type { HostError, Socket } from '../src/host.ts';
import { dialHandler, type ServiceHandler } from './handler-service.ts';

/** Both ends of one connection to a handler: the channel's socket and events, and the application's stream. */
async function connection(): Promise<{ socket: Socket; recorder: Recorder; stream: Duplex }> {
  const recorder = new Recorder();
  return new Promise((resolve) => {
    let socket: Socket | undefined;
    const handler = Object.assign(recorder, {
      connected: (made?: Socket) => {
        recorder.events.push('connected');
        socket = made;
      },
    });
    const serve: ServiceHandler = (stream, { port }) => {
      expect(port).toBe(80);
      if (socket) resolve({ socket, recorder, stream });
    };
    dialHandler(80, serve, (error) => {
      throw error;
    })(handler);
    expect(recorder.events).toEqual([]);
  });
}

function collect(stream: Duplex): Collected {
  const collected = new Collected();
  stream.on('data', (data: Buffer) => collected.add(data));
  return collected;
}

function fail(): never {
  throw new Error('no text');
}

describe('a connection to a handler', () => {
  it('carries bytes both ways and ends in order', async () => {
    const { socket, recorder, stream } = await connection();
    const received = collect(stream);
    socket.write(ascii('request'));
    socket.end();
    await once(stream, 'end');
    expect(received.text).toBe('request');
    stream.end('answer');
    await recorder.saw('closed null');
    expect(recorder.received.text).toBe('answer');
    expect(recorder.takenBytes).toBe(7);
    expect(recorder.events).toEqual(['connected', 'taken', 'data', 'ended', 'closed null']);
  });

  it('ends first on the side of the application and goes on reading', async () => {
    const { socket, recorder, stream } = await connection();
    stream.end('hello');
    await recorder.saw('ended');
    const received = collect(stream);
    for (let i = 0; i < 10; i++) socket.write(ascii('more '));
    socket.end();
    await recorder.saw('closed null');
    expect(received.text).toBe('more '.repeat(10));
  });

  it('delivers every piece, whenever it comes and however it is read', async () => {
    const step = fc.oneof(
      fc.integer({ min: 1, max: 40_000 }),
      fc.constantFrom('turn' as const, 'pause' as const, 'resume' as const),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.boolean(), async (steps, reading) => {
        const { socket, recorder, stream } = await connection();
        const received = new Collected();
        let ended = false;
        stream.on('end', () => {
          ended = true;
        });
        const read = () => {
          for (let piece = stream.read(); piece !== null; piece = stream.read()) received.add(piece);
        };
        if (reading) stream.on('readable', read);
        else stream.on('data', (data) => received.add(data));
        let sent = 0;
        for (const next of steps) {
          expect(ended).toBe(false);
          if (next === 'turn') await turn();
          else if (next === 'pause') stream.pause();
          else if (next === 'resume') stream.resume();
          else {
            socket.write(pattern(next, sent));
            sent += next;
          }
          expect(recorder.takenBytes).toBeLessThanOrEqual(sent);
        }
        if (!reading) stream.resume();
        socket.end();
        await eventually(() => expect(ended).toBe(true));
        expect(difference(received.bytes, pattern(sent))).toBeNull();
        expect(recorder.takenBytes).toBe(sent);
        stream.end();
        await recorder.saw('closed null');
      }),
      { numRuns: 60 },
    );
  });

  it('counts bytes as taken only when the application has room for them', async () => {
    const { socket, recorder, stream } = await connection();
    for (let i = 0; i < 100; i++) socket.write(pattern(10_000));
    for (let i = 0; i < 10; i++) await turn();
    expect(recorder.takenBytes).toBeLessThanOrEqual(stream.readableHighWaterMark + 10_000);
    const received = collect(stream);
    await eventually(() => expect(received.length).toBe(1_000_000));
    expect(recorder.takenBytes).toBe(1_000_000);
    stream.destroy();
  });

  it('keeps small frames together while the application does not read', async () => {
    const { socket, recorder, stream } = await connection();
    for (let i = 0; i < 100_000; i++) socket.write(pattern(1, i));
    let pieces = 0;
    stream.on('data', () => pieces++);
    const received = collect(stream);
    await eventually(() => expect(received.length).toBe(100_000));
    expect(difference(received.bytes, pattern(100_000))).toBeNull();
    expect(recorder.takenBytes).toBe(100_000);
    expect(pieces).toBeLessThanOrEqual(26);
    stream.destroy();
  });

  it('that is paused holds the application back', async () => {
    const { socket, recorder, stream } = await connection();
    socket.pause();
    const more = stream.write(pattern(100_000));
    stream.end();
    for (let i = 0; i < 10; i++) await turn();
    expect(more).toBe(false);
    expect(recorder.received.length).toBe(0);
    socket.resume();
    await recorder.saw('ended');
    expect(difference(recorder.received.bytes, pattern(100_000))).toBeNull();
    socket.destroy();
  });

  it('that the channel destroys destroys the stream and reports nothing', async () => {
    const { socket, recorder, stream } = await connection();
    const closed = once(stream, 'close');
    socket.destroy();
    await closed;
    stream.write('late');
    for (let i = 0; i < 5; i++) await turn();
    expect(recorder.events).toEqual(['connected']);
  });

  it.each([undefined, new Error('broken')])(
    'that the application destroys (%s) is a reset',
    async (reason) => {
      const { recorder, stream } = await connection();
      stream.destroy(reason);
      await recorder.saw('closed reset');
      expect(recorder.events).toEqual(['connected', 'closed reset']);
    },
  );

  it('does not come about when it is cancelled', async () => {
    const recorder = new Recorder();
    let served = false;
    const serve = () => {
      served = true;
    };
    dialHandler(80, serve, () => undefined)(recorder).cancel();
    for (let i = 0; i < 5; i++) await turn();
    expect([served, recorder.events]).toEqual([false, []]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
    ['throws what is no error', () => Promise.reject('broken')],
  ])('of a handler that %s is a reset with its words', async (_name, serve) => {
    const recorder = new Recorder();
    const failures: unknown[] = [];
    const closed = new Promise<HostError | null>((resolve) => {
      const handler = Object.assign(recorder, { closed: resolve });
      dialHandler(80, serve, (error) => failures.push(error))(handler);
    });
    expect(await closed).toEqual({ code: 'reset', message: 'broken' });
    expect(failures.map(String)).toEqual([expect.stringContaining('broken')]);
  });

  it.each([
    ['an object without a prototype', Object.create(null)],
    ['an object whose text throws', { toString: () => fail() }],
    ['an error whose message throws', Object.defineProperty(new Error('x'), 'message', { get: fail })],
    ['a proxy that throws', new Proxy({}, { get: fail, getPrototypeOf: fail })],
  ])('of a handler that throws %s is a reset, too', async (_name, thrown) => {
    const recorder = new Recorder();
    const failures: unknown[] = [];
    const serve = () => Promise.reject(thrown);
    dialHandler(80, serve, (error) => failures.push(error))(recorder);
    await recorder.saw('closed reset');
    expect(failures.map((failure) => failure === thrown)).toEqual([true]);
  });

  it('is what an HTTP server can serve', async () => {
    const { socket, recorder, stream } = await connection();
    const server = createServer((request: IncomingMessage, response) =>
      response.end(`you asked for ${request.url}`),
    );
    server.emit('connection', stream);
    socket.write(ascii('GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'));
    await recorder.saw('ended');
    expect(recorder.received.text).toContain('you asked for /x');
    socket.end();
    await eventually(() => expect(recorder.events.at(-1)).toMatch(/^closed/));
  });
});
