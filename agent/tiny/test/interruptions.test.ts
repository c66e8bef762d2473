import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Authority } from '../../../test/certificates/authority.ts';
import { run, temporaryDirectory } from './guest.ts';
import { Peer, read } from './peer.ts';

const mebibyte = 1_048_576;

describe('a storm of signals', () => {
  it.each([
    ['that are caught', ['SIGUSR1', 'SIGHUP']],
    // It comes back from a stop in the midst of any system call with EINTR, whatever is blocked: signal(7).
    ['that stop the process', ['SIGSTOP', 'SIGCONT']],
  ] as const)('%s loses no byte', async (_name, signals) => {
    const peer = await Peer.tcp();
    const guest = run((native, report, port) => {
      let signalled = 0;
      let received = 0;
      let taken = 0;
      let programs = 0;
      for (const name of ['SIGUSR1', 'SIGHUP'] as const) native.system.onSignal(name, () => signalled++);
      // Pipes, children and files besides, for as long as bytes come.
      let open = true;
      const work = () => {
        if (!open) return;
        if (native.files.read('/proc/self/status', 65_536).length < 100) report('short');
        native.processes.run(['printf', 'whole'], 120_000, 100, [], ({ status, output }) => {
          if (status !== 0 || String.fromCharCode(...output) !== 'whole') report('program', status);
          programs++;
          native.network.resolve('localhost', (addresses) => {
            if (addresses.length === 0) report('no address');
            work();
          });
        });
      };
      work();
      const socket = native.network.connect(
        { address: '127.0.0.1', port },
        {
          connected: () => report('connected'),
          data: (bytes, start, end) => {
            received += end - start;
            socket.write(bytes, start, end);
          },
          taken: (count) => {
            taken += count;
          },
          ended: () => socket.end(),
          closed: (error) => {
            open = false;
            native.clock.schedule(0, () => {
              report('closed', error, received, taken, signalled > 0, programs > 0);
              native.system.exit(0);
            });
          },
        },
      );
    }, peer.port);
    const socket = await peer.connection();
    await guest.expect('connected');
    const sent = Buffer.alloc(mebibyte, 'bytes that are not alike in every place, ');
    const echoed: Buffer[] = [];
    for (let i = 0; i < 8; i++) {
      sent.writeUInt32BE(i, 0);
      const back = read(socket, mebibyte);
      socket.write(sent);
      let over = false;
      void back.then(() => {
        over = true;
      });
      // At least a hundred rounds for each mebibyte, and for as long as it takes.
      for (let round = 0; round < 100 || !over; round++) {
        for (const signal of signals) guest.process.kill(signal);
        await new Promise(setImmediate);
      }
      echoed.push(await back);
      expect(echoed.at(-1)?.equals(sent)).toBe(true);
    }
    socket.end();
    const caught = signals[0] !== 'SIGSTOP';
    expect(await guest.finish()).toEqual([['closed', null, 8 * mebibyte, 8 * mebibyte, caught, true]]);
  });
});

/** Writes without end to a local socket or, with TLS or without, to a port; tells that it is closed, and that it lives. */
function writer(): Parameters<typeof run<readonly [string | number, boolean]>>[0] {
  return (native, report, where, secured) => {
    const block = new Uint8Array(60_000);
    const write = () => {
      socket.write(block);
    };
    const handler = {
      connected: () => {
        if (secured) {
          const files = { ca: null, certificate: null, key: null };
          const options = { serverName: 'peer', ...files, minVersion: '1.2', verify: false, judgedAt: null };
          socket.startTls(options as Parameters<typeof socket.startTls>[0]);
        }
        write();
      },
      data: () => undefined,
      taken: write,
      ended: () => undefined,
      closed: (error: { code: string } | null) => {
        report('closed', error?.code);
        native.clock.schedule(0, () => report('lives'));
      },
    };
    const socket =
      typeof where === 'string'
        ? native.network.connectLocal(where, handler)
        : native.network.connect({ address: '127.0.0.1', port: where }, handler);
  };
}

describe('SIGPIPE', () => {
  const lives = [['closed', 'reset'], ['lives']];

  /** Goes when something has come, while more is on its way. */
  const leave = (socket: Socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.destroy());
  };

  it('ends nothing when a peer is gone while it is written to', async () => {
    const peer = await Peer.tcp();
    const guest = run(writer(), peer.port, false);
    leave(await peer.connection());
    expect(await guest.finish()).toEqual(lives);
  });

  it('ends nothing when a local peer is gone', async () => {
    const path = join(temporaryDirectory(), 'socket');
    const server = createServer(leave).listen(path);
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    expect(await run(writer(), path, false).finish()).toEqual(lives);
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('ends nothing when a peer over %s is gone', async (version) => {
    const authority = new Authority();
    onTestFinished(() => authority.remove());
    const options = { ...authority.issue(), minVersion: version, maxVersion: version };
    const server = createTlsServer(options, leave).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect(await run(writer(), port, true).finish()).toEqual(lives);
  });

  it('ends nothing when nobody reads what is printed, or somebody sends it', async () => {
    const guest = run((native, report) => {
      native.system.onSignal('SIGUSR1', () => {
        for (let i = 0; i < 100; i++) native.system.print(1, 'x'.repeat(10_000));
        native.system.exit(7);
      });
      report('ready');
      native.clock.schedule(60_000, () => undefined);
    });
    await guest.expect('ready');
    guest.process.kill('SIGPIPE');
    const output = guest.process.stdout as NodeJS.ReadableStream & { destroy(): void };
    output.destroy();
    await once(output, 'close');
    guest.process.kill('SIGUSR1');
    expect(await guest.ending()).toEqual({ status: 7, signal: null, stderr: '' });
  });

  it('ends a program that the agent runs, as ever', async () => {
    const guest = run((native, report) => {
      native.processes.run(['sh', '-c', 'kill -PIPE $$'], 120_000, 100, [], ({ status }) =>
        report('done', status),
      );
    });
    expect(await guest.finish()).toEqual([['done', 128 + 13]]);
  });
});
