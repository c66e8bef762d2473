import { spawn } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Authority, type Certificate } from '../../../test/certificates/authority.ts';
import type { KeyKind } from '../../../test/certificates/openssl.ts';
import { selfSigned } from '../../../test/certificates/self-signed.ts';
import type { Native } from '../native.ts';
import { type Report, run, temporaryDirectory } from './guest.ts';
import { Peer, read } from './peer.ts';

let authority: Authority;
let certificate: Certificate;

beforeAll(() => {
  authority = new Authority();
  certificate = authority.issue();
});

afterAll(() => authority.remove());

interface Options {
  readonly serverName: string;
  readonly ca: string | null;
  readonly certificate: string | null;
  readonly key: string | null;
  readonly minVersion: '1.2' | '1.3';
  readonly verify: boolean;
  readonly judgedAt: number | null;
}

/** Options of startTls towards a peer of the tests' own authority. */
function options(
  more: Partial<Options> = {},
): Options & { readonly [key: string]: string | number | null | boolean } {
  const defaults = { serverName: '127.0.0.1', ca: authority.file, certificate: null, key: null };
  return { ...defaults, minVersion: '1.2', verify: true, judgedAt: null, ...more };
}

/** Connects, starts TLS, says hello, and reports what comes. */
function greet(native: Native, report: Report, port: number, tls: Options): void {
  const socket = native.network.connect(
    { address: '127.0.0.1', port },
    {
      connected: () => socket.startTls(tls),
      secured: ({ version, cipher, publicKeyDigest }) => {
        report('secured', version, cipher, Array.from(publicKeyDigest));
        socket.write(Uint8Array.from([104, 105]));
        socket.end();
      },
      data: (bytes, start, end) => report('data', Array.from(bytes.subarray(start, end))),
      taken: (count) => report('taken', count),
      ended: () => report('ended'),
      closed: (error) => report('closed', error?.code ?? null, error?.message),
    },
  );
}

/** The code and the message that a greeting fails with. */
async function failure(port: number, more: Partial<Options>): Promise<readonly [unknown, string]> {
  const [event, code, message] = (await run(greet, port, options(more)).finish())[0] ?? [];
  expect(event).toBe('closed');
  return [code, String(message)];
}

const versions = ['TLSv1.2', 'TLSv1.3'] as const;

describe('TLS', () => {
  const kinds = ['ec', 'rsa', 'rsa-pss'] as const;

  it.each(versions.flatMap((version) => kinds.map((kind) => [version, kind] as const)))(
    'speaks %s with a server that has an %s certificate',
    async (version, kind) => {
      const { cert, key } = lone(kind);
      const peer = await Peer.tls({ ...contents(cert, key), minVersion: version, maxVersion: version });
      const guest = run(greet, peer.port, options({ ca: cert }));
      const socket = await peer.connection();
      expect((await read(socket)).toString()).toBe('hi');
      socket.end('yes');
      const spki = new X509Certificate(readFileSync(cert)).publicKey.export({ type: 'spki', format: 'der' });
      const digest = [...createHash('sha256').update(spki).digest()];
      const events = await guest.finish();
      expect(events).toContainEqual(['taken', 2]);
      expect(events.filter(([event]) => event !== 'taken')).toEqual([
        ['secured', version, expect.stringMatching(/GCM|CHACHA20/), digest],
        ['data', [...Buffer.from('yes')]],
        ['ended'],
        ['closed', null, null],
      ]);
    },
  );

  it.each(versions)('carries megabytes both ways over %s, and tells of every byte taken', async (version) => {
    const peer = await Peer.tls({ ...certificate, minVersion: version, maxVersion: version });
    const guest = run(
      (native, report, port, tls) => {
        let taken = 0;
        let sent = 0;
        let received = 0;
        let sum = 0;
        const socket = native.network.connect(
          { address: '127.0.0.1', port },
          {
            connected: () => socket.startTls(tls as unknown as Options),
            secured: () => undefined,
            data: (bytes, start, end) => {
              received += end - start;
              for (let i = start; i < end; i += 97) sum = (sum + (bytes[i] ?? 0)) % 65_521;
              sent += end - start + 3;
              socket.write(Uint8Array.from([1, 2, 3]));
              socket.write(bytes, start, end);
              // A pause in the midst of what was read ahead.
              if (received % 5 === 0) {
                socket.pause();
                native.clock.schedule(1, () => socket.resume());
              }
            },
            taken: (count) => {
              taken += count;
            },
            ended: () => socket.end(),
            closed: (error) => report('closed', error, received, taken - sent, sum > 0),
          },
        );
      },
      peer.port,
      options(),
    );
    const socket = await peer.connection();
    const total = 3_000_000;
    socket.end(Buffer.alloc(total, 'some bytes to carry '));
    const echoed = await read(socket);
    expect(echoed.length).toBeGreaterThan(total);
    expect(await guest.finish()).toEqual([['closed', null, total, 0, true]]);
  });

  it.each([
    ['another name', { names: 'DNS:elsewhere.example' }, { serverName: 'localhost' }, 'tls-host-name'],
    ['another address', { names: 'IP:127.0.0.2' }, {}, 'tls-host-name'],
    ['a name, dialled by address', { names: 'DNS:localhost' }, {}, 'tls-host-name'],
    ['a day long past', { until: '20200201000000Z' }, {}, 'tls-expired'],
    ['a day to come', { from: '20480101000000Z' }, {}, 'tls-not-yet-valid'],
  ] as const)('refuses a certificate for %s', async (_name, issue, more, code) => {
    const peer = await Peer.tls({ ...authority.issue(issue) });
    expect((await failure(peer.port, more))[0]).toBe(code);
  });

  it('judges dates at another time, and everything else as ever', async () => {
    const lasting = new Authority('ecdsa', 9_000);
    const then = { from: '20400101000000Z', until: '20420101000000Z' };
    const judged = { judgedAt: Date.UTC(2041, 0), ca: lasting.file };
    const taken = await Peer.tls({ ...lasting.issue(then) });
    await run(greet, taken.port, options(judged)).expect('secured');
    const codes = [
      [lasting.issue({ until: '20390101000000Z' }), 'tls-expired'],
      [lasting.issue({ from: '20420101000000Z' }), 'tls-not-yet-valid'],
      [authority.issue(then), 'tls-untrusted'],
      [authority.issue({ until: '20210101000000Z' }), 'tls-untrusted'],
      [lasting.issue({ ...then, names: 'IP:127.0.0.2' }), 'tls-host-name'],
    ] as const;
    for (const [shown, code] of codes) {
      expect((await failure((await Peer.tls({ ...shown })).port, judged))[0]).toBe(code);
    }
    lasting.remove();
  });

  it('takes the certificate of an authority that is valid, where there is an old one too', async () => {
    // The same key and name, and another time.
    const lasting = new Authority('ecdsa', 9_000);
    const bundle = join(temporaryDirectory(), 'bundle.pem');
    const old = lasting.again({ until: '20210101000000Z' });
    const peer = await Peer.tls({ ...lasting.issue({ until: '20420101000000Z' }) });
    const judged = { judgedAt: Date.UTC(2041, 0), ca: bundle };
    for (const content of [old + lasting.caPem(), lasting.caPem() + old]) {
      writeFileSync(bundle, content);
      await run(greet, peer.port, options(judged)).expect('secured');
    }
    writeFileSync(bundle, old);
    expect((await failure(peer.port, judged))[0]).toBe('tls-expired');
    lasting.remove();
  });

  it('refuses a certificate of an unknown authority, and takes it when it is told not to verify', async () => {
    const stranger = new Authority();
    try {
      const peer = await Peer.tls({ ...stranger.issue() });
      expect((await failure(peer.port, {}))[0]).toBe('tls-untrusted');
      const guest = run(greet, peer.port, options({ ca: null, verify: false }));
      await guest.expect('secured');
    } finally {
      stranger.remove();
    }
  });

  it('takes names with a wildcard, and sends the name asked for', async () => {
    const peer = await Peer.tls({ ...authority.issue({ names: 'DNS:*.example.com' }) });
    run(greet, peer.port, options({ serverName: 'device.example.com' }));
    expect((await peer.connection()).servername).toBe('device.example.com');
  });

  it('sends no server name for an address', async () => {
    const peer = await Peer.tls({ ...certificate });
    run(greet, peer.port, options());
    expect((await peer.connection()).servername).toBe(false);
  });

  it('finds the authority in a directory, behind links and other files', async () => {
    const path = join(temporaryDirectory(), 'certs');
    mkdirSync(path);
    writeFileSync(join(path, 'other.pem'), `text before\n${certificate.cert}\nand after`);
    writeFileSync(join(path, 'broken.pem'), '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    writeFileSync(join(path, 'authority.crt'), readFileSync(authority.file));
    symlinkSync('authority.crt', join(path, '0123abcd.0'));
    symlinkSync(path, join(path, 'loop'));
    const peer = await Peer.tls({ ...certificate });
    await run(greet, peer.port, options({ ca: path })).expect('secured');
  });

  it('finds the authority at the end of a file whose last line has no end', async () => {
    const path = join(temporaryDirectory(), 'pasted.pem');
    writeFileSync(path, readFileSync(authority.file, 'utf8').trimEnd());
    const peer = await Peer.tls({ ...certificate });
    await run(greet, peer.port, options({ ca: path })).expect('secured');
  });

  it('finds the authority at the end of a large bundle', async () => {
    const bundle = join(temporaryDirectory(), 'bundle.pem');
    const other = new Authority();
    writeFileSync(
      bundle,
      readFileSync(other.file, 'utf8').repeat(400) + readFileSync(authority.file, 'utf8'),
    );
    other.remove();
    const peer = await Peer.tls({ ...certificate });
    await run(greet, peer.port, options({ ca: bundle })).expect('secured');
  });

  it('trusts a server certificate that is itself in the bundle', async () => {
    const peer = await Peer.tls({ ...certificate });
    expect((await failure(peer.port, { ca: certificate.certFile }))[0]).toBe('tls-untrusted');
    const own = lone('ec');
    const selfPeer = await Peer.tls(contents(own.cert, own.key));
    await run(greet, selfPeer.port, options({ ca: own.cert })).expect('secured');
  });

  it.each([
    ['ca', 'trusted certificates'],
    ['certificate', 'client certificate'],
  ])('names the file of %s when it is missing', async (option, what) => {
    const peer = await Peer.tls({ ...certificate });
    const [code, message] = await failure(peer.port, { [option]: '/nonexistent/file.pem' });
    expect(code).toBe('tls-files');
    expect(message).toBe(`${what} /nonexistent/file.pem: no such file`);
  });

  it('names a key that does not belong to the certificate', async () => {
    const peer = await Peer.tls({ ...certificate });
    const other = authority.issue();
    const [code, message] = await failure(peer.port, {
      certificate: other.certFile,
      key: certificate.keyFile,
    });
    expect(code).toBe('tls-files');
    expect(message).toContain('does not belong to the client certificate');
  });

  it.each(versions)('shows its certificate over %s when the server demands one', async (version) => {
    const server = { ...certificate, requestCert: true, ca: readFileSync(authority.file) };
    const peer = await Peer.tls({ ...server, minVersion: version, maxVersion: version });
    const own = authority.issue({ key: 'rsa' });
    run(greet, peer.port, options({ certificate: own.certFile, key: own.keyFile }));
    const socket = await peer.connection();
    expect(socket.authorized).toBe(true);
    expect((await read(socket)).toString()).toBe('hi');
  });

  /** Shows a certificate of about so many bytes to a server that demands one over this version. */
  async function showing(version: 'TLSv1.2' | 'TLSv1.3', bytes: number) {
    const server = { ...certificate, requestCert: true, ca: readFileSync(authority.file) };
    const peer = await Peer.tls({ ...server, minVersion: version, maxVersion: version });
    const names = Array.from({ length: bytes / 64 }, (_, index) => `DNS:${`${index}`.padStart(62, 'n')}`);
    const own = authority.issue({ names: names.join() });
    return { peer, guest: run(greet, peer.port, options({ certificate: own.certFile, key: own.keyFile })) };
  }

  it.each(versions)('shows a certificate of 7 KiB over %s', async (version) => {
    const { peer } = await showing(version, 7000);
    expect((await peer.connection()).authorized).toBe(true);
  });

  it.each(versions)('says over %s that a certificate is too long', async (version) => {
    const { guest } = await showing(version, 8400);
    expect((await guest.finish()).at(-1)).toEqual([
      'closed',
      'tls-files',
      'the client certificate is too long: with those that sign it, at most some 8,000 bytes can be shown',
    ]);
  });

  it.each(versions)('shakes hands 100 times at once over %s', async (version) => {
    const peer = await Peer.tls({ ...certificate, minVersion: version, maxVersion: version });
    const server = await Peer.tcp();
    const guest = run(
      (native, report, port, tls) => {
        let secured = 0;
        for (let i = 0; i < 100; i++) {
          const socket = native.network.connect(
            { address: '127.0.0.1', port },
            {
              connected: () => socket.startTls(tls as unknown as Options),
              secured: () => {
                if (++secured === 100) report('secured');
                socket.end();
              },
              data: () => undefined,
              taken: () => undefined,
              ended: () => undefined,
              closed: (error) => error && report('closed', error.message),
            },
          );
        }
      },
      server.port,
      options(),
    );
    // All have said hello before the first is answered.
    const sockets = await Promise.all(Array.from({ length: 100 }, () => server.connection()));
    await Promise.all(sockets.map((socket) => once(socket, 'readable')));
    for (const socket of sockets) peer.server.emit('connection', socket);
    for (let i = 0; i < 100; i++) (await peer.connection()).resume().end();
    expect(await guest.finish()).toEqual([['secured']]);
  });

  // Node lets a handshake without a certificate succeed and then hangs up; OpenSSL says why.
  it.each([
    ['TLSv1.2', '-tls1_2'],
    ['TLSv1.3', '-tls1_3'],
  ])('knows over %s that a client certificate is missing', async (_version, flag) => {
    const server = spawn('openssl', [
      ...['s_server', '-accept', '127.0.0.1:0', flag, '-Verify', '1', '-CAfile', authority.file],
      ...['-cert', certificate.certFile, '-key', certificate.keyFile],
    ]);
    onTestFinished(() => void server.kill());
    let output = '';
    while (!/ACCEPT 127.0.0.1:\d+/.test(output)) output += String((await once(server.stdout, 'data'))[0]);
    const closed = (await run(greet, Number(/:(\d+)/.exec(output)?.[1]), options()).finish()).at(-1);
    expect(closed?.slice(0, 2)).toEqual(['closed', 'tls-client-certificate']);
    expect(closed?.[2]).toContain('demands a client certificate');
  });

  it('refuses an old version, and a peer that does not speak TLS', async () => {
    const old = await Peer.tls({ ...certificate, maxVersion: 'TLSv1.2' });
    expect((await failure(old.port, { minVersion: '1.3' }))[0]).toBe('tls-protocol');
    const plain = await Peer.tcp();
    const guest = run(greet, plain.port, options());
    (await plain.connection()).write('HTTP/1.1 400 Bad Request\r\n\r\n');
    expect((await guest.finish())[0]?.slice(0, 2)).toEqual(['closed', 'tls-protocol']);
  });

  it('takes a connection that is cut for an error, not for an end', async () => {
    const peer = await Peer.tls({ ...certificate });
    const wire = await interposed(peer.port);
    const guest = run(greet, wire.port, options());
    await peer.connection();
    await guest.expect('secured');
    wire.cut();
    expect((await guest.finish()).at(-1)?.slice(0, 2)).toEqual(['closed', 'reset']);
  });

  it('tells when the peer goes during the handshake', async () => {
    const plain = await Peer.tcp();
    const guest = run(greet, plain.port, options());
    (await plain.connection()).resume().end();
    expect((await guest.finish())[0]?.slice(0, 2)).toEqual(['closed', 'reset']);
  });

  it.each(versions)('resumes its session over %s, and knows the key of the server still', async (version) => {
    const peer = await Peer.tls({ ...certificate, minVersion: version, maxVersion: version });
    const guest = run(
      (native, report, port, tls) => {
        const dial = (round: number) => {
          const socket = native.network.connect(
            { address: '127.0.0.1', port },
            {
              connected: () => socket.startTls(tls as unknown as Options),
              secured: ({ publicKeyDigest }) => report('secured', Array.from(publicKeyDigest)),
              data: () => socket.end(),
              taken: () => undefined,
              ended: () => undefined,
              closed: () => {
                if (round < 3) dial(round + 1);
              },
            },
          );
        };
        dial(1);
      },
      peer.port,
      options(),
    );
    const reused: boolean[] = [];
    for (let round = 1; round <= 3; round++) {
      const socket = await peer.connection();
      reused.push(socket.isSessionReused());
      socket.write('.');
      await read(socket);
      socket.end();
    }
    expect(reused).toEqual([false, true, true]);
    const [first, second, third] = await guest.finish();
    expect(first?.[0]).toBe('secured');
    expect(second).toEqual(first);
    expect(third).toEqual(first);
  });

  it('resumes a session after those with a proxy, with another reflector and with a service of the device', async () => {
    const names = ['reflector.example', 'proxy.example', 'other.example', '127.0.0.1', 'reflector.example'];
    const peer = await Peer.tls({ ...certificate });
    run(
      (native, _report, port, all) => {
        const [tls, ...rest] = all as unknown as Options[];
        const dial = (options: Options | undefined): void => {
          if (!options) return;
          const socket = native.network.connect(
            { address: '127.0.0.1', port },
            {
              connected: () => socket.startTls(options),
              data: () => socket.end(),
              taken: () => undefined,
              ended: () => undefined,
              closed: () => dial(rest.shift()),
            },
          );
        };
        dial(tls);
      },
      peer.port,
      names.map((serverName) => options({ serverName, verify: false })),
    );
    const reused: boolean[] = [];
    while (reused.length < names.length) {
      const socket = await peer.connection();
      reused.push(socket.isSessionReused());
      socket.write('.');
      await read(socket);
      socket.end();
    }
    expect(reused).toEqual([false, false, false, false, true]);
  });

  it('runs through another TLS connection', async () => {
    const inner = await Peer.tls({ ...certificate });
    const outer = await Peer.tls({ ...authority.issue({ names: 'DNS:proxy.example' }) });
    const guest = run(
      (native, report, port, first, second) => {
        let layers = 0;
        let received = 0;
        const socket = native.network.connect(
          { address: '127.0.0.1', port },
          {
            connected: () => socket.startTls(first as unknown as Options),
            secured: () => {
              layers++;
              report('secured', layers);
              if (layers === 1) {
                socket.write(Uint8Array.from([67]));
                socket.startTls(second as unknown as Options);
              } else {
                socket.write(new Uint8Array(300_000).fill(1));
                socket.end();
              }
            },
            data: (_bytes, start, end) => {
              received += end - start;
            },
            taken: () => undefined,
            ended: () => report('ended', received),
            closed: (error) => report('closed', error),
          },
        );
      },
      outer.port,
      options({ serverName: 'proxy.example' }),
      options(),
    );
    const proxy = await outer.connection();
    expect((await read(proxy, 1)).toString()).toBe('C');
    const through = connect(inner.port, '127.0.0.1');
    proxy.pipe(through).pipe(proxy);
    const socket = await inner.connection();
    expect(await read(socket)).toHaveLength(300_000);
    socket.end(new Uint8Array(200_000));
    expect(await guest.finish()).toEqual([
      ['secured', 1],
      ['secured', 2],
      ['ended', 200_000],
      ['closed', null],
    ]);
  });

  it('holds nothing back that the TLS connection below could not send at once', async () => {
    const inner = await Peer.tls({ ...certificate });
    const outer = await Peer.tls({ ...authority.issue({ names: 'DNS:proxy.example' }) });
    const CHUNK = 4000;
    // Writes chunk after chunk, each when the one before was taken, and says how many were when the next is not.
    const guest = run(
      (native, report, port, first, second, size) => {
        const connection = (most: number, done: (written: number) => void) => {
          let layers = 0;
          let written = 0;
          let taken = 0;
          const look = (turns: number) => {
            if (taken === written && written < most * Number(size)) {
              written += Number(size);
              socket.write(new Uint8Array(Number(size)));
              native.clock.schedule(0, () => look(5));
            } else if (turns > 0 && taken < written) native.clock.schedule(0, () => look(turns - 1));
            else done(written / Number(size));
          };
          const socket = native.network.connect(
            { address: '127.0.0.1', port: Number(port) },
            {
              connected: () => socket.startTls(first as unknown as Options),
              secured: () => {
                if (++layers === 1) socket.startTls(second as unknown as Options);
                else report('ready');
              },
              // The peer reads no more.
              data: () => look(5),
              taken: (count) => {
                taken += count;
              },
              ended: () => undefined,
              closed: () => undefined,
            },
          );
        };
        const next = (most: number, left: number) =>
          connection(most, (written) => {
            report('written', written);
            if (left > 0) next(most - 1, left - 1);
          });
        connection(1e9, (written) => {
          report('written', written);
          next(written, 4);
        });
      },
      outer.port,
      options({ serverName: 'proxy.example' }),
      options(),
      CHUNK,
    );
    for (let round = 0; round < 6; round++) {
      const proxy = await outer.connection();
      const through = connect(inner.port, '127.0.0.1');
      proxy.on('data', (part) => through.write(part));
      through.on('data', (part) => proxy.write(part));
      const socket = await inner.connection();
      await guest.expect('ready');
      proxy.pause();
      socket.write('.');
      const [chunks] = await guest.expect('written');
      proxy.resume();
      expect(await read(socket, Number(chunks) * CHUNK)).toHaveLength(Number(chunks) * CHUNK);
    }
    guest.stop();
  });

  it('starts behind what was written in the clear', async () => {
    const secured = await Peer.tls({ ...certificate });
    let isWritten = () => {};
    const written = new Promise<void>((resolve) => {
      isWritten = resolve;
    });
    const plain = createServer({ allowHalfOpen: true }, (socket) => {
      // The clear part is larger than what the kernel takes at once.
      let left = 4_000_000;
      const take = () => {
        for (let part: Buffer | null = socket.read(); part !== null; part = socket.read()) {
          if (part.length > left) socket.unshift(part.subarray(left));
          left -= Math.min(left, part.length);
          if (left > 0) continue;
          socket.off('readable', take);
          const on = connect({ port: secured.port, host: '127.0.0.1', allowHalfOpen: true });
          socket.pipe(on).pipe(socket);
          return;
        }
      };
      void written.then(() => socket.on('readable', take));
    }).listen(0, '127.0.0.1');
    await once(plain, 'listening');
    const guest = run(
      (native, report, port, tls) => {
        let taken = 0;
        const socket = native.network.connect(
          { address: '127.0.0.1', port },
          {
            connected: () => {
              socket.write(new Uint8Array(4_000_000));
              socket.startTls(tls as unknown as Options);
              socket.write(Uint8Array.from([104, 105]));
              report('written');
            },
            secured: () => report('secured', taken),
            data: () => undefined,
            taken: (count) => {
              taken += count;
              if (taken === 4_000_002) socket.end();
            },
            ended: () => undefined,
            closed: (error) => report('closed', error),
          },
        );
      },
      (plain.address() as { port: number }).port,
      options(),
    );
    await guest.expect('written');
    isWritten();
    const socket: TLSSocket = await secured.connection();
    expect((await read(socket)).toString()).toBe('hi');
    socket.end();
    expect(await guest.finish()).toEqual([
      ['secured', 4_000_000],
      ['closed', null],
    ]);
    plain.close();
  });
});

function contents(cert: string, key: string): { readonly cert: Buffer; readonly key: Buffer } {
  return { cert: readFileSync(cert), key: readFileSync(key) };
}

/** PEM files of a certificate that has signed itself and is no authority. */
function lone(key: KeyKind): { readonly cert: string; readonly key: string } {
  const extensions = ['basicConstraints=critical,CA:FALSE'];
  return selfSigned(temporaryDirectory(), 'self', { names: 'IP:127.0.0.1', key, extensions });
}

/** A wire to a port that can be cut: both ends see FIN, and no close_notify. */
async function interposed(port: number): Promise<{ readonly port: number; cut(): void }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    const on = connect(port, '127.0.0.1');
    for (const end of [socket, on]) {
      end.on('error', () => undefined);
      sockets.push(end);
    }
    socket.pipe(on).pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    cut: () => {
      server.close();
      for (const socket of sockets) socket.unpipe().end();
    },
  };
}
