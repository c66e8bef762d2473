import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { run, runWith, underValgrind } from './guest.ts';
import { Peer, read } from './peer.ts';

const mebibyte = 1_048_576;

describe('a TCP socket', () => {
  it('connects, echoes and ends in both directions, with its events in order', async () => {
    const peer = await Peer.tcp();
    const guest = run((native, report, port) => {
      const socket = native.network.connect(
        { address: '127.0.0.1', port },
        {
          connected: () => {
            report('connected');
            socket.write(Uint8Array.from([1, 2, 3]));
            socket.end();
          },
          data: (bytes, start, end) => report('data', Array.from(bytes.subarray(start, end))),
          taken: (count) => report('taken', count),
          ended: () => report('ended'),
          closed: (error) => report('closed', error),
        },
      );
    }, peer.port);
    const socket = await peer.connection();
    expect([...(await read(socket))]).toEqual([1, 2, 3]);
    socket.end(Buffer.from([4, 5]));
    const events = await guest.finish();
    expect(events).toContainEqual(['taken', 3]);
    expect(events.filter(([event]) => event !== 'taken')).toEqual([
      ['connected'],
      ['data', [4, 5]],
      ['ended'],
      ['closed', null],
    ]);
  });

  it('still writes after the peer has ended', async () => {
    const peer = await Peer.tcp();
    const guest = run((native, report, port) => {
      const socket = native.network.connect(
        { address: '127.0.0.1', port },
        {
          connected: () => report('connected'),
          data: () => undefined,
          taken: () => undefined,
          ended: () => {
            report('ended');
            socket.write(Uint8Array.from([7]));
            socket.end();
          },
          closed: (error) => report('closed', error),
        },
      );
    }, peer.port);
    const socket = await peer.connection();
    socket.end();
    expect([...(await read(socket))]).toEqual([7]);
    expect(await guest.finish()).toEqual([['connected'], ['ended'], ['closed', null]]);
  });

  it('sends what was written before it was connected', async () => {
    const peer = await Peer.tcp();
    const guest = run((native, _report, port) => {
      const nothing = () => undefined;
      const handler = { connected: nothing, data: nothing, taken: nothing, ended: nothing, closed: nothing };
      const socket = native.network.connect({ address: '127.0.0.1', port }, handler);
      socket.write(Uint8Array.from([1]));
      socket.write(Uint8Array.from([0, 2, 3, 0]), 1, 3);
      socket.end();
      socket.write(Uint8Array.from([9]));
    }, peer.port);
    const socket = await peer.connection();
    expect([...(await read(socket))]).toEqual([1, 2, 3]);
    socket.end();
    await guest.finish();
  });

  it('resets the peer when it is destroyed, and is not heard of again', async () => {
    const peer = await Peer.tcp();
    const guest = run((native, report, port) => {
      const socket = native.network.connect(
        { address: '127.0.0.1', port },
        {
          connected: () => undefined,
          data: () => {
            socket.write(new Uint8Array(100));
            socket.destroy();
            socket.destroy();
            socket.end();
            report('write', socket.write(new Uint8Array(1)));
          },
          taken: (count) => report('taken', count),
          ended: () => report('ended'),
          closed: (error) => report('closed', error),
        },
      );
    }, peer.port);
    const socket = await peer.connection();
    const failed = once(socket, 'error');
    socket.resume().write('x');
    expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET' });
    expect(await guest.finish()).toEqual([['write', true]]);
  });

  it('closes in order when it is destroyed after both directions have ended', async () => {
    const peer = await Peer.tcp();
    const guest = run((native, report, port) => {
      const socket = native.network.connect(
        { address: '127.0.0.1', port },
        {
          connected: () => socket.end(),
          data: () => undefined,
          taken: () => undefined,
          ended: () => {
            report('ended');
            socket.destroy();
          },
          closed: () => report('closed'),
        },
      );
    }, peer.port);
    const socket = await peer.connection();
    expect(await read(socket)).toHaveLength(0);
    socket.end();
    const [hadError] = await once(socket, 'close');
    expect(hadError).toBe(false);
    expect(await guest.finish()).toEqual([['ended']]);
  });

  it.each([true, false])('is told of a reset (paused: %s)', async (paused) => {
    const peer = await Peer.tcp();
    const guest = run(
      (native, report, port, pause) => {
        const socket = native.network.connect(
          { address: '127.0.0.1', port },
          {
            connected: () => {
              if (pause) socket.pause();
              socket.write(new Uint8Array(1));
            },
            data: () => undefined,
            taken: () => undefined,
            ended: () => report('ended'),
            closed: (error) => report('closed', error?.code),
          },
        );
      },
      peer.port,
      paused,
    );
    const socket = await peer.connection();
    await read(socket, 1);
    socket.resetAndDestroy();
    expect(await guest.finish()).toEqual([['closed', 'reset']]);
  });

  it.each([
    ['a port nobody listens on', '127.0.0.1', 1, 'refused'],
    ['what is no address', 'localhost', 1, 'other'],
    ['an impossible port', '127.0.0.1', 70_000, 'other'],
  ] as const)('fails on %s, from the loop', async (_name, address, port, code) => {
    const guest = run(
      (native, report, where, number) => {
        native.network.connect(
          { address: where, port: number },
          {
            connected: () => report('connected'),
            data: () => undefined,
            taken: () => undefined,
            ended: () => undefined,
            closed: (error) => report('closed', error?.code),
          },
        );
        report('called');
      },
      address,
      port,
    );
    expect(await guest.finish()).toEqual([['called'], ['closed', code]]);
  });

  it('can be destroyed while it connects', async () => {
    const peer = await Peer.tcp();
    const guest = run((native, report, port) => {
      const nothing = () => report('callback');
      const handler = { connected: nothing, data: nothing, taken: nothing, ended: nothing, closed: nothing };
      native.network.connect({ address: '127.0.0.1', port }, handler).destroy();
    }, peer.port);
    expect(await guest.finish()).toEqual([]);
  });

  // Valgrind wants descriptors of its own.
  it.skipIf(underValgrind)('tells of descriptors that are used up', async () => {
    const before = ['sh', '-c', 'ulimit -n 8; exec "$@"', 'sh'];
    const guest = runWith({ before }, (native, report) => {
      const closed = (error: { code: string } | null) => report('closed', error?.code);
      const nothing = () => undefined;
      for (let i = 0; i < 8; i++) {
        native.network.connect(
          { address: '127.0.0.1', port: 1 },
          { connected: nothing, data: nothing, taken: nothing, ended: nothing, closed },
        );
      }
    });
    expect(await guest.finish()).toContainEqual(['closed', 'no-resources']);
  });
});

describe('a socket', () => {
  it.each([
    [1, 1],
    [1000, 1000],
    [0, 1],
    [1_000_000, 65_400],
  ])('that is to read at most %i bytes brings %i in one call', async (most, expected) => {
    const peer = await Peer.tcp();
    const guest = run(
      (native, report, port, bytes) => {
        let received = 0;
        let largest = 0;
        const socket = native.network.connect(
          { address: '127.0.0.1', port },
          {
            connected: () => {
              socket.pause();
              socket.readAtMost?.(bytes);
              native.system.onSignal('SIGUSR1', () => socket.resume());
              report('connected');
            },
            data: (_bytes, start, end) => {
              received += end - start;
              largest = Math.max(largest, end - start);
            },
            taken: () => undefined,
            ended: () => socket.end(),
            closed: (error) => report('closed', error, received, largest),
          },
        );
      },
      peer.port,
      most,
    );
    const socket = await peer.connection();
    await guest.expect('connected');
    const length = expected * 3;
    // As much as the guest has room for has arrived when it is read.
    await new Promise<void>((resolve) => socket.end(new Uint8Array(length), () => resolve()));
    guest.process.kill('SIGUSR1');
    const events = await guest.finish();
    expect(events.at(-1)).toEqual(['closed', null, length, expected]);
  });
});

describe('a paused socket', () => {
  it('leaves the rest to the kernel, and reads on when it is resumed', async () => {
    const peer = await Peer.tcp();
    const guest = run((native, report, port) => {
      let received = 0;
      let paused = false;
      const socket = native.network.connect(
        { address: '127.0.0.1', port },
        {
          connected: () => undefined,
          data: (_bytes, start, end) => {
            if (paused) report('data while paused');
            received += end - start;
            if (received > 100_000 && received < 200_000) {
              paused = true;
              socket.pause();
              native.clock.schedule(100, () => {
                report('paused', received < 1_000_000);
                paused = false;
                socket.resume();
              });
            }
          },
          taken: () => undefined,
          ended: () => socket.end(),
          closed: (error) => report('closed', error, received),
        },
      );
    }, peer.port);
    const socket = await peer.connection();
    socket.end(new Uint8Array(4 * mebibyte));
    await guest.expect('paused');
    const events = await guest.finish();
    expect(events.at(-1)).toEqual(['closed', null, 4 * mebibyte]);
    expect(events).not.toContainEqual(['data while paused']);
  });

  it('hears of what came before it was paused only when it is resumed', async () => {
    const peer = await Peer.tcp();
    const guest = run((native, report, port) => {
      const socket = native.network.connect(
        { address: '127.0.0.1', port },
        {
          connected: () => {
            socket.pause();
            socket.end();
            native.clock.schedule(1000, () => {
              report('resumed');
              socket.resume();
            });
          },
          data: () => report('data'),
          taken: () => undefined,
          ended: () => report('ended'),
          closed: (error) => report('closed', error),
        },
      );
    }, peer.port);
    const socket = await peer.connection();
    socket.end('bytes that nobody reads yet');
    await read(socket);
    expect(await guest.finish()).toEqual([['resumed'], ['data'], ['ended'], ['closed', null]]);
  });
});
