import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Authority } from '../../../test/certificates/authority.ts';
import { type Guest, runWith, temporaryDirectory } from './guest.ts';
import { Peer, read } from './peer.ts';

/** A command in front of another that leaves it this many descriptors. */
const descriptors = (count: number) => ['prlimit', `--nofile=${count}`];

/** A command in front of another that leaves it this much address space, in bytes. */
const space = (bytes: number) => ['prlimit', `--as=${bytes}`];

/** How often the process has gone to sleep of its own will. */
function sleeps(guest: Guest): number {
  const status = readFileSync(`/proc/${guest.process.pid}/status`, 'utf8');
  return Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1]);
}

describe('without a descriptor left', () => {
  it('a listener lets callers wait, asleep, and serves them once there is one', async () => {
    const peer = await Peer.tcp();
    const path = join(temporaryDirectory(), 'control');
    const guest = runWith(
      { before: descriptors(24) },
      (native, report, at, port) => {
        const nothing = () => undefined;
        const handler = {
          connected: nothing,
          data: nothing,
          taken: nothing,
          ended: nothing,
          closed: nothing,
        };
        const listener = native.network.listenLocal(
          at,
          (socket) => {
            report('accepted');
            return {
              ...handler,
              data: (bytes, start, end) => socket.write(bytes, start, end),
              ended: () => socket.end(),
              closed: () => listener.close(),
            };
          },
          (error) => report('failed', error.code),
        );
        const sockets: { destroy(): void }[] = [];
        const address = { address: '127.0.0.1', port };
        const control = native.network.connect(address, {
          ...handler,
          connected: fill,
          data: () => {
            report('waits');
            for (const socket of sockets) socket.destroy();
          },
          ended: () => control.end(),
        });
        function fill() {
          const socket = native.network.connect(address, {
            ...handler,
            connected: () => {
              sockets.push(socket);
              fill();
            },
            closed: (error) => report('full', error?.code, error?.message),
          });
        }
      },
      path,
      peer.port,
    );
    const control = await peer.connection();
    expect(await guest.expect('full')).toEqual(['no-resources', 'too many open files']);
    const caller = connect(path);
    await once(caller, 'connect');
    caller.write('hello');
    // A second each, during which it does not ask again.
    for (const before = sleeps(guest); sleeps(guest) < before + 3; await new Promise(setImmediate));
    control.end('go on');
    await guest.expect('waits');
    await guest.expect('accepted');
    expect((await read(caller, 5)).toString()).toBe('hello');
    caller.end();
    expect(await guest.finish()).toEqual([]);
  });

  it('names, programs and files fail with a reason, and work again afterwards', async () => {
    const peer = await Peer.tcp();
    const guest = runWith(
      { before: descriptors(24) },
      (native, report, port) => {
        const sockets: { destroy(): void }[] = [];
        const look = (then: () => void) => {
          try {
            report('file', native.files.read('/proc/self/status', 65_536).length > 0);
          } catch (error) {
            report('file', (error as { code: string }).code);
          }
          native.network.resolve('localhost', (addresses, failure) => {
            report('name', addresses.length > 0, failure?.code ?? null);
            native.processes.run(['true'], 120_000, 100, [], ({ status, error }) => {
              report('program', status, error?.code ?? null);
              then();
            });
          });
        };
        const fill = () => {
          const nothing = () => undefined;
          const socket = native.network.connect(
            { address: '127.0.0.1', port },
            {
              connected: () => {
                sockets.push(socket);
                fill();
              },
              data: nothing,
              taken: nothing,
              ended: nothing,
              closed: () =>
                look(() => {
                  for (const each of sockets) each.destroy();
                  look(() => undefined);
                }),
            },
          );
        };
        fill();
      },
      peer.port,
    );
    expect(await guest.finish()).toEqual([
      ['file', 'no-resources'],
      ['name', false, 'name-failure'],
      ['program', null, 'no-resources'],
      ['file', true],
      ['name', true, null],
      ['program', 0, null],
    ]);
  });
});

describe('without memory left, below its own limit', () => {
  it.each(['small objects', 'arrays', 'one array', 'sockets'] as const)(
    'the process ends with one line: %s',
    async (what) => {
      const peer = await Peer.tcp();
      peer.server.on('connection', (socket) => socket.resume());
      const guest = runWith(
        { plain: true, before: space(32 << 20) },
        (native, _report, kind, port) => {
          native.memoryLimit(1_000_000_000);
          const kept: unknown[] = [];
          if (kind === 'small objects') for (;;) kept.push({ one: kept.length });
          if (kind === 'arrays') for (;;) kept.push(new Uint8Array(100_000));
          if (kind === 'one array') kept.push(new Uint8Array(900_000_000));
          const nothing = () => undefined;
          const open = () => {
            const socket = native.network.connect(
              { address: '127.0.0.1', port },
              {
                connected: () => {
                  // More than a peer that reads nothing lets through.
                  socket.pause();
                  for (let i = 0; i < 200; i++) socket.write(new Uint8Array(60_000));
                  open();
                },
                data: nothing,
                taken: nothing,
                ended: nothing,
                closed: nothing,
              },
            );
          };
          open();
        },
        what,
        peer.port,
      );
      const { status, stderr } = await guest.ending();
      expect(stderr).toMatch(/^rm-agent: out of memory with \d+ bytes in use\n$/);
      expect(status).toBe(71);
    },
  );

  it('TLS fails with a reason, or the process ends with one line, wherever it runs out', async () => {
    const authority = new Authority();
    onTestFinished(() => authority.remove());
    const peer = await Peer.tls(authority.issue());
    peer.server.on('secureConnection', (socket: Socket) => socket.end());
    // Where it runs out moves by a page from one attempt to the next.
    const attempt = (before: readonly string[], ballast: number) =>
      runWith(
        { plain: true, before },
        (native, report, port, ca, pages) => {
          const kept: Uint8Array[] = [];
          const text = String.fromCharCode(...native.files.read('/proc/self/status', 65_536));
          report('peak', Number(/VmPeak:\s*(\d+)/.exec(text)?.[1]));
          const socket = native.network.connect(
            { address: '127.0.0.1', port },
            {
              connected: () => {
                while (kept.length < pages) kept.push(new Uint8Array(4096));
                const files = { ca, certificate: null, key: null };
                const options = { serverName: '127.0.0.1', ...files, verify: true, judgedAt: null };
                socket.startTls({ ...options, minVersion: '1.2' });
              },
              data: () => undefined,
              taken: () => undefined,
              ended: () => socket.end(),
              closed: (error) => report('closed', error?.code ?? null),
            },
          );
        },
        peer.port,
        authority.file,
        ballast,
      );
    const [peak] = await attempt([], 0).expect('peak');
    const outcomes = new Set<string>();
    for (let ballast = 0; ballast < 80; ballast++) {
      const guest = attempt(space((Number(peak) + 300) << 10), ballast);
      const { status, signal, stderr } = await guest.ending();
      const events = status === 0 ? await guest.finish() : [];
      const closed = events.slice(1).flat().join(' ');
      outcomes.add(`${status ?? signal} ${closed}${stderr.replace(/\d+ bytes/, 'N bytes').trim()}`);
    }
    expect([...outcomes].sort()).toEqual([
      '0 closed ',
      '0 closed no-resources',
      '71 rm-agent: out of memory with N bytes in use',
    ]);
  });
});
