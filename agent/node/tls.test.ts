import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { join } from 'node:path';
import { createServer, type TlsOptions as NodeTlsOptions, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { difference, pattern } from '../../protocol/src/testing/bytes.ts';
import { Authority, type Certificate } from '../../test/certificates/authority.ts';
import { eventually, Recorder } from '../simulation/recorder.ts';
import type { TlsOptions } from '../src/host.ts';
import { toHostError } from './errors.ts';
import { network } from './network.ts';

let authority: Authority;
let stranger: Authority;
let good: Certificate;
let client: Certificate;
const servers: Server[] = [];

beforeAll(() => {
  authority = new Authority();
  stranger = new Authority();
  good = authority.issue({ names: 'DNS:localhost,IP:127.0.0.1' });
  client = authority.issue({ names: 'DNS:device' });
});

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

afterAll(() => {
  authority.remove();
  stranger.remove();
});

async function listening(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A TLS server that echoes, and says nothing of errors. */
function serve(certificate: Certificate, options: NodeTlsOptions = {}): Promise<number> {
  const server = createServer({ ...certificate, ...options, allowHalfOpen: true }, (socket: TLSSocket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  server.on('tlsClientError', () => undefined);
  return listening(server);
}

/** Options with which a client shows a certificate. */
function shown({ certFile, keyFile }: Certificate): Partial<TlsOptions> {
  return { certificate: certFile, key: keyFile };
}

/** Connects, starts TLS once connected, and says hello once secured. */
function secure(port: number, options: Partial<TlsOptions> = {}) {
  const recorder = new Recorder();
  const socket = network.connect({ address: '127.0.0.1', port }, recorder);
  recorder.connected = () => {
    recorder.events.push('connected');
    socket.startTls({
      serverName: 'localhost',
      ca: authority.file,
      certificate: null,
      key: null,
      minVersion: '1.2',
      verify: true,
      judgedAt: null,
      ...options,
    });
    expect(recorder.events).toEqual(['connected']);
  };
  const secured = recorder.secured.bind(recorder);
  recorder.secured = (session) => {
    secured(session);
    socket.write(Buffer.from('hello'));
  };
  return { recorder, socket };
}

async function codeOf(port: number, options: Partial<TlsOptions> = {}): Promise<string> {
  const { recorder, socket } = secure(port, options);
  recorder.ended = () => socket.end();
  await eventually(() => expect(recorder.events.at(-1)).toMatch(/^closed/));
  expect(recorder.error?.message ?? '').not.toMatch(/\n|127\.0\.0\.1/);
  return recorder.error?.code ?? 'none';
}

describe('startTls', () => {
  it.each(['1.2', '1.3'] as const)(
    'secures a connection that goes on as any other, TLS %s',
    async (version) => {
      const port = await serve(good, { maxVersion: `TLSv${version}` });
      const { recorder, socket } = secure(port);
      await recorder.saw('data');
      expect(recorder.session?.version).toBe(`TLSv${version}`);
      expect(recorder.session?.cipher).toMatch(/AES|CHACHA/);
      socket.write(pattern(500_000));
      await eventually(() => expect(recorder.received.length).toBe(500_005));
      expect(difference(recorder.received.bytes.subarray(5), pattern(500_000))).toBeNull();
      expect(recorder.takenBytes).toBe(500_005);
      socket.end();
      await recorder.saw('closed null');
      expect(recorder.events.slice(0, 2)).toEqual(['connected', 'secured']);
      expect(recorder.events.slice(-2)).toEqual(['ended', 'closed null']);
    },
  );

  it('gives the SHA-256 of the public key, as pins have it', async () => {
    const { recorder, socket } = secure(await serve(good));
    await recorder.saw('secured');
    const { publicKey } = new X509Certificate(readFileSync(good.certFile));
    const expected = createHash('sha256')
      .update(publicKey.export({ type: 'spki', format: 'der' }))
      .digest('hex');
    expect(Buffer.from(recorder.session?.publicKeyDigest ?? []).toString('hex')).toBe(expected);
    socket.destroy();
  });

  it('takes a directory of certificates, and an address as the name', async () => {
    const directory = join(authority.directory, 'trusted');
    mkdirSync(directory);
    writeFileSync(join(directory, 'ours.crt'), readFileSync(authority.file));
    writeFileSync(join(directory, 'README'), 'no certificate');
    const { recorder, socket } = secure(await serve(good), { ca: directory, serverName: '127.0.0.1' });
    await recorder.saw('secured');
    socket.destroy();
  });

  it('reports what is wrong with the certificate', async () => {
    expect(await codeOf(await serve(good), { ca: stranger.file })).toBe('tls-untrusted');
    expect(await codeOf(await serve(stranger.issue({ names: 'DNS:localhost' })))).toBe('tls-untrusted');
    expect(await codeOf(await serve(authority.issue({ names: 'DNS:localhost', until: 2021 })))).toBe(
      'tls-expired',
    );
    expect(await codeOf(await serve(authority.issue({ names: 'DNS:localhost', from: 2048 })))).toBe(
      'tls-not-yet-valid',
    );
    expect(await codeOf(await serve(authority.issue({ names: 'DNS:other.example' })))).toBe('tls-host-name');
    expect(await codeOf(await serve(good), { serverName: '127.0.0.2' })).toBe('tls-host-name');
  });

  it('judges dates at another time, and everything else as ever', async () => {
    const then = { names: 'DNS:localhost', from: 2040, until: 2042 };
    const now = { names: 'DNS:localhost', until: 2039 };
    const lasting = new Authority('ecdsa', 9_000);
    const judged = { judgedAt: Date.UTC(2041, 0), ca: lasting.file };
    const { recorder, socket } = secure(await serve(lasting.issue(then)), judged);
    await recorder.saw('data');
    expect(recorder.session?.publicKeyDigest).toHaveLength(32);
    socket.destroy();
    const codes = [
      [lasting.issue(now), {}, 'tls-expired'],
      [lasting.issue({ names: 'DNS:localhost', from: 2042, until: 2043 }), {}, 'tls-not-yet-valid'],
      // Wrong in two ways, of which OpenSSL tells but one.
      [stranger.issue(then), {}, 'tls-untrusted'],
      [stranger.issue({ names: 'DNS:localhost', until: 2021 }), {}, 'tls-expired'],
      [lasting.issue({ names: 'DNS:other.example', from: 2040, until: 2042 }), {}, 'tls-host-name'],
      [lasting.issue(then), { serverName: '127.0.0.2' }, 'tls-host-name'],
      // What is not asked for is not looked at.
      [stranger.issue(now), { verify: false, judgedAt: Date.UTC(2041, 0) }, 'secured'],
    ] as const;
    for (const [certificate, options, code] of codes) {
      const options_ = { ...judged, ...options };
      if (code !== 'secured') expect(await codeOf(await serve(certificate), options_)).toBe(code);
      else {
        const unverified = secure(await serve(certificate), options_);
        await unverified.recorder.saw('data');
        unverified.socket.destroy();
      }
    }
    lasting.remove();
  });

  it('accepts any certificate without verification', async () => {
    for (const certificate of [
      stranger.issue({ names: 'DNS:x' }),
      authority.issue({ names: 'DNS:localhost', until: 2021 }),
    ]) {
      const { recorder, socket } = secure(await serve(certificate), { verify: false });
      await recorder.saw('data');
      socket.destroy();
    }
  });

  it.each(['1.2', '1.3'] as const)(
    'sends the client certificate where one is demanded, TLS %s',
    async (version) => {
      const demanding = {
        requestCert: true,
        ca: readFileSync(authority.file),
        maxVersion: `TLSv${version}`,
      } as const;
      const port = await serve(good, demanding);
      const { recorder, socket } = secure(port, shown(client));
      await recorder.saw('data');
      socket.destroy();
      // A TLS 1.2 server can only say that the handshake failed.
      expect(await codeOf(port)).toBe(version === '1.2' ? 'tls-protocol' : 'tls-client-certificate');
      // Node's server says nothing to one that has the wrong certificate.
      expect(await codeOf(port, shown(stranger.issue({ names: 'DNS:device' })))).toMatch(
        /^(tls-client-certificate|reset|none)$/,
      );
    },
  );

  it('reports a peer without TLS, and one whose TLS is too old', async () => {
    const plain = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    const errorOf = async (port: number, options = {}) => {
      const { recorder } = secure(port, options);
      await recorder.saw('closed tls-protocol');
      return recorder.error;
    };
    expect(await errorOf(await listening(plain))).toEqual({
      code: 'tls-protocol',
      message: 'the peer does not speak TLS',
    });
    expect(await errorOf(await serve(good, { maxVersion: 'TLSv1.2' }), { minVersion: '1.3' })).toEqual({
      code: 'tls-protocol',
      message: 'the server offers no TLS version that is allowed here',
    });
  });

  it('reports a peer that goes away during the handshake', async () => {
    const rude = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.destroy());
    });
    expect(await codeOf(await listening(rude))).toBe('reset');
  });

  it('destroyed during the handshake reports nothing', async () => {
    const { recorder, socket } = secure(await serve(good));
    const { connected } = recorder;
    recorder.connected = () => {
      connected();
      socket.destroy();
    };
    await recorder.saw('connected');
    const other = secure(await serve(good));
    await other.recorder.saw('data');
    other.socket.destroy();
    expect(recorder.events).toEqual(['connected']);
  });

  it('destroyed as soon as it is secured reports nothing more, and resets the connection', async () => {
    const closed = new Promise<unknown>((resolve) => {
      void serve(good).then((port) => {
        const { recorder, socket } = secure(port);
        recorder.secured = () => {
          socket.destroy();
          expect(recorder.events).toEqual(['connected']);
        };
        servers.at(-1)?.once('connection', (one) => one.once('close', resolve));
      });
    });
    await closed;
  });

  it('works within TLS, as an https: proxy needs it', async () => {
    const inner = await serve(good);
    // The outer server hands the bytes on to the inner one.
    const outer = createServer({ ...good, allowHalfOpen: true }, (socket) => {
      const recorder = new Recorder();
      const onward = network.connect({ address: '127.0.0.1', port: inner }, recorder);
      recorder.data = (bytes, start, end) => void socket.write(bytes.slice(start, end));
      recorder.ended = () => void socket.end();
      socket.on('data', (bytes: Buffer) => onward.write(bytes));
      socket.on('end', () => onward.end());
      socket.on('error', () => undefined);
    });
    const recorder = new Recorder();
    const socket = network.connect({ address: '127.0.0.1', port: await listening(outer) }, recorder);
    const options = {
      ca: authority.file,
      certificate: null,
      key: null,
      minVersion: '1.2',
      verify: true,
      judgedAt: null,
    } as const;
    recorder.connected = () => socket.startTls({ ...options, serverName: 'localhost' });
    let layers = 0;
    recorder.secured = () => {
      if (++layers === 1) socket.startTls({ ...options, serverName: '127.0.0.1' });
      else socket.write(pattern(100_000));
    };
    await eventually(() => expect(recorder.received.length).toBe(100_000));
    expect(difference(recorder.received.bytes, pattern(100_000))).toBeNull();
    expect(layers).toBe(2);
    socket.end();
    await recorder.saw('closed null');
  });
});

describe('toHostError', () => {
  it.each([
    ['ECONNREFUSED', 'refused'],
    ['ETIMEDOUT', 'timed-out'],
    ['EPIPE', 'reset'],
    ['ENETUNREACH', 'unreachable'],
    ['EHOSTUNREACH', 'unreachable'],
    ['EADDRNOTAVAIL', 'unreachable'],
    ['ENOTFOUND', 'name-not-found'],
    ['EAI_AGAIN', 'name-failure'],
    ['EMFILE', 'no-resources'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'tls-client-certificate'],
    ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'tls-client-certificate'],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'tls-client-certificate'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls-protocol'],
    ['CERT_REVOKED', 'tls-untrusted'],
    ['SOMETHING_ELSE', 'other'],
  ])('%s is %s', (code, expected) => {
    const { code: found, message } = toHostError(Object.assign(new Error('first line\nsecond'), { code }));
    expect(found).toBe(expected);
    expect(message).not.toContain('\n');
  });

  it('reports the reason of OpenSSL, without its internals', () => {
    const error = new Error(
      '802C6E74FB7F0000:error:0A000410:SSL routines:ssl3_read_bytes:x:../ssl/record.c:1605:',
    );
    const decorated = Object.assign(error, {
      code: 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE',
      reason: 'sslv3 alert handshake failure',
    });
    expect(toHostError(decorated)).toEqual({
      code: 'tls-protocol',
      message: 'TLS failed: sslv3 alert handshake failure',
    });
  });
});
