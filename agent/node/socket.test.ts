import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket as NetSocket, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Collected, difference, pattern } from '../../protocol/src/testing/bytes.ts';
import { reservedPort } from '../../toolchain/loopback-port.mjs';
import { eventually, Recorder } from '../simulation/recorder.ts';
import { network } from './network.ts';

let server: Server;
let port: number;
const accepted: NetSocket[] = [];
let errors: string[] = [];

beforeEach(async () => {
  errors = [];
  server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted.push(socket);
    socket.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code ?? error.message));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});

afterEach(() => {
  for (const socket of accepted.splice(0)) socket.destroy();
  server.close();
});

async function connected() {
  const recorder = new Recorder();
  const acceptance = once(server, 'connection');
  const socket = network.connect({ address: '127.0.0.1', port }, recorder);
  expect(recorder.events).toEqual([]);
  const [peer] = (await acceptance) as [NetSocket];
  await recorder.saw('connected');
  return { socket, recorder, peer };
}

function collect(peer: NetSocket): Collected {
  const collected = new Collected();
  peer.on('data', (data) => collected.add(data));
  return collected;
}

describe('a TCP socket', () => {
  it('sends thousands of short writes to a slow peer in order, and tells of all', async () => {
    const { socket, recorder, peer } = await connected();
    peer.pause();
    const payload = pattern(6 << 20);
    // Much before them, so that the kernel has no room; one long write in between.
    const before = 5 << 20;
    socket.write(payload, 0, before);
    for (let at = before; at < payload.length; ) {
      const length = at === before + 70_000 ? 100_000 : 7;
      const part = payload.slice(at, at + length);
      // A host that says so holds no reference to it.
      if (socket.write(part)) part.fill(255);
      at += part.length;
      if (at % 70_000 === 0) await new Promise(setImmediate);
    }
    const collected = collect(peer.resume());
    const ended = once(peer, 'end');
    socket.end();
    await ended;
    expect(difference(collected.bytes, payload)).toBeNull();
    await eventually(() => expect(recorder.takenBytes).toBe(payload.length));
  });

  it('whose end is sent goes on reading', async () => {
    const { socket, recorder, peer } = await connected();
    const ended = once(peer.resume(), 'end');
    socket.write(Buffer.from('request'));
    socket.end();
    socket.end();
    await ended;
    peer.write('answer');
    peer.end();
    await recorder.saw('closed null');
    expect(recorder.events).toEqual(['connected', 'taken', 'data', 'ended', 'closed null']);
    expect(recorder.received.text).toBe('answer');
  });

  it('whose peer has sent its end goes on writing', async () => {
    const { socket, recorder, peer } = await connected();
    const received = collect(peer);
    peer.end('bye');
    await recorder.saw('ended');
    socket.write(Buffer.from('still here'));
    socket.end();
    await recorder.saw('closed null');
    await eventually(() => expect(received.text).toBe('still here'));
    expect(errors).toEqual([]);
  });

  it('that is destroyed resets the connection and reports nothing more', async () => {
    const { socket, recorder, peer } = await connected();
    peer.resume();
    socket.destroy();
    socket.destroy();
    await eventually(() => expect(errors).toEqual(['ECONNRESET']));
    expect(recorder.events).toEqual(['connected']);
    expect(socket.write(pattern(10))).toBe(true);
  });

  it('that is destroyed drops queued bytes, and the connection', async () => {
    const { socket, recorder, peer } = await connected();
    socket.write(pattern(8_000_000));
    socket.destroy();
    const received = collect(peer);
    // Linux may show the peer an end first; what it writes then meets the reset.
    peer.on('end', () => peer.write('x'));
    await eventually(() => expect(errors).toHaveLength(1));
    expect(received.length).toBeLessThan(8_000_000);
    expect(recorder.events).toEqual(['connected']);
  });

  it.each([0, 100, 100_000])(
    'that is destroyed right behind its end, and %i bytes, is closed',
    async (length) => {
      const { socket, recorder, peer } = await connected();
      peer.resume();
      socket.write(pattern(length));
      socket.end();
      socket.destroy();
      peer.on('end', () => peer.write('x'));
      // A connection that were still open would take the byte.
      await eventually(() => {
        peer.write('x');
        expect(errors).toHaveLength(1);
      });
      expect(recorder.events).toEqual(['connected']);
    },
  );

  it('that is destroyed after both ends is closed in order', async () => {
    const { socket, recorder, peer } = await connected();
    const closed = once(peer.resume(), 'close');
    socket.end();
    peer.end();
    await recorder.saw('ended');
    socket.destroy();
    await closed;
    expect(errors).toEqual([]);
  });

  it('that is destroyed while it connects reports nothing', async () => {
    const recorder = new Recorder();
    network.connect({ address: '127.0.0.1', port }, recorder).destroy();
    const { recorder: other } = await connected();
    await other.saw('connected');
    expect(recorder.events).toEqual([]);
  });

  it('reports a reset and a refused connection', async () => {
    const { recorder, peer } = await connected();
    peer.resetAndDestroy();
    await recorder.saw('closed reset');
    expect(recorder.events).toEqual(['connected', 'closed reset']);
    const refused = new Recorder();
    network.connect({ address: '127.0.0.1', port: await reservedPort() }, refused);
    await refused.saw('closed refused');
    expect(refused.events).toEqual(['closed refused']);
    expect(refused.error).toEqual({ code: 'refused', message: 'connection refused' });
  });

  it('that is paused lets its peer wait, and is read again', async () => {
    const { socket, recorder, peer } = await connected();
    socket.pause();
    socket.pause();
    const flushed = new Promise<void>((resolve) => peer.write(pattern(8_000_000), () => resolve()));
    peer.end();
    // A kernel on loopback takes some megabytes; the rest waits at the peer.
    await eventually(() => expect(peer.writableLength).toBe(8_000_000));
    expect(recorder.received.length).toBeLessThan(200_000);
    socket.resume();
    socket.resume();
    await flushed;
    await recorder.saw('ended');
    expect(difference(recorder.received.bytes, pattern(8_000_000))).toBeNull();
  });

  it('reads at most what it is asked to', async () => {
    const { socket, recorder, peer } = await connected();
    const lengths: number[] = [];
    const { data } = recorder;
    recorder.data = (bytes, start, end) => {
      lengths.push(end - start);
      socket.readAtMost?.(1000);
      data.call(recorder, bytes, start, end);
    };
    peer.end(pattern(200_000));
    await recorder.saw('ended');
    expect(difference(recorder.received.bytes, pattern(200_000))).toBeNull();
    expect(Math.max(...lengths.slice(1))).toBe(1000);
  });

  it('counts as taken just what was written, and only when the kernel took it', async () => {
    const { socket, recorder, peer } = await connected();
    let written = 0;
    const write = (size: number) => {
      const bytes = pattern(size + 7, written - 3);
      if (socket.write(bytes, 3, 3 + size)) bytes.fill(0xdd);
      written += size;
    };
    const sizes = [1, 100, 16_383, 16_384, 70_000, 3_000_000, 3_000_000, 5];
    for (const size of sizes.slice(0, 3)) write(size);
    expect(recorder.takenBytes).toBe(0);
    await eventually(() => expect(recorder.takenBytes).toBe(16_484));
    for (const size of sizes.slice(3)) write(size);
    await eventually(() => expect(recorder.takenBytes).toBeGreaterThan(16_484));
    expect(recorder.takenBytes).toBeLessThan(written);
    const received = collect(peer);
    await eventually(() => expect(recorder.takenBytes).toBe(written));
    await eventually(() => expect(received.length).toBe(written));
    const expected = new Collected();
    let at = 0;
    for (const size of sizes) {
      expected.add(pattern(size + 7, at - 3), 3, 3 + size);
      at += size;
    }
    expect(difference(received.bytes, expected.bytes)).toBeNull();
  });

  it('writes nothing after its end', async () => {
    const { socket, recorder, peer } = await connected();
    const received = collect(peer);
    socket.write(pattern(10));
    socket.end();
    expect(socket.write(pattern(10))).toBe(true);
    await once(peer, 'end');
    expect(received.length).toBe(10);
    peer.end();
    await recorder.saw('closed null');
    expect(recorder.takenBytes).toBe(10);
  });

  it('may have the bytes it hands over written on at once', async () => {
    const { socket, recorder, peer } = await connected();
    const received = collect(peer);
    recorder.data = (bytes, start, end) => {
      socket.write(bytes, start, end);
    };
    peer.write(pattern(1_000_000));
    await eventually(() => expect(received.length).toBe(1_000_000));
    expect(difference(received.bytes, pattern(1_000_000))).toBeNull();
  });
});
