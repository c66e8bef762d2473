import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Authority, type CertificateOptions } from '../../../test/certificates/authority.ts';
import { TunnelLost } from '../ports/channel-failure.ts';
import { RelayPair } from '../testing/relay-pair.ts';
import { until } from '../testing/until.ts';
import type { Channel } from '../tunnels/channel.ts';
import { RelayListener } from './relay-listener.ts';
import type { RelayTls } from './tls.ts';

const ours = new Authority();
const theirs = new Authority();
const folder = mkdtempSync(join(tmpdir(), 'rm-relay-tls-'));
afterAll(() => {
  ours.remove();
  theirs.remove();
  rmSync(folder, { recursive: true });
});

let pair: RelayPair;
beforeEach(() => {
  pair = new RelayPair();
});
afterEach(() => pair.close());

function tlsOf(name: string, options: CertificateOptions = {}, authority = ours): RelayTls {
  const { certFile, keyFile } = authority.issue({ names: `DNS:${name}`, ...options });
  return { cert: certFile, key: keyFile, ca: ours.file };
}

const failure = async (channel: Channel) => (await once(channel, 'error'))[0] as Error;
const said = (msg: string) => pair.lines.filter((line) => line.msg === msg);
const refused = () => said('a connection to the relay was refused').map(({ reason }) => reason);
const connected = () => said('connected to the relay of a node').map(({ peer }) => peer);
const unreached = () => said('no connection to the relay of a node').map(({ reason }) => reason);

const wrongUsers: [string, () => RelayTls, string | RegExp][] = [
  ['of another name', () => tlsOf('somebody'), 'its certificate does not name "user"'],
  ['of a wildcard', () => tlsOf('*'), 'its certificate does not name "user"'],
  [
    'whose common name only is right',
    () => tlsOf('somebody', { name: 'user' }),
    'its certificate does not name "user"',
  ],
  ['that has expired', () => tlsOf('user', { until: 2021 }), 'its certificate has expired'],
  ['that is not valid yet', () => tlsOf('user', { from: 2040 }), 'its certificate is not valid yet'],
  [
    'that is for servers only',
    () => tlsOf('user', { extensions: ['extendedKeyUsage=serverAuth'] }),
    'its certificate is not for this use (extendedKeyUsage)',
  ],
  [
    'of another authority',
    () => tlsOf('user', {}, theirs),
    /^its certificate is not of an authority that we trust/,
  ],
];

describe('a node that dials, with a certificate', () => {
  test.each(wrongUsers)('%s is refused, in one line of the log', async (_what, tls, reason) => {
    const peer = await pair.listen({ tls: tlsOf('owner') });
    const dialer = pair.dialer({ tls: tls() });
    for (let i = 0; i < 3; i++) {
      expect(await failure(pair.open(dialer, peer))).toBeInstanceOf(TunnelLost);
      pair.clock.advance(pair.limits.relayRetryMs);
    }
    await until(() => refused().length);
    expect([refused(), pair.tunnel.opened]).toEqual([
      [typeof reason === 'string' ? reason : expect.stringMatching(reason)],
      [],
    ]);
    // Its own log says the same.
    expect(unreached()).toEqual([expect.stringMatching(/^closed by the other node: your certificate /)]);
    expect(unreached()[0]).toContain(
      typeof reason === 'string' ? reason.replace('its', 'your') : 'authority',
    );
    // Its side of the TLS handshake has ended well each time.
    expect(connected()).toEqual([]);
    await pair.listeners[0]?.close();
    expect(said('further connections to the relay were refused in this network')).toEqual([
      expect.objectContaining({ times: 2 }),
    ]);
  });

  test('that the authority has issued by another one is believed', async () => {
    const between = ours.intermediate();
    const peer = await pair.listen({ tls: tlsOf('owner') });
    pair.open(pair.dialer({ tls: tlsOf('user', {}, between) }), peer);
    await pair.tunnel.asked();
    between.remove();
  });
});

describe('a stranger', () => {
  test.each([
    ['without a certificate', {}, 'it has no certificate', () => {}],
    ['with TLS 1.2', { maxVersion: 'TLSv1.2' as const }, 'unsupported protocol', () => {}],
    [
      'with TLS 1.2, once the files have been read anew,',
      { maxVersion: 'TLSv1.2' as const },
      'unsupported protocol',
      () => pair.clock.advance(pair.limits.relayTlsMs),
    ],
  ])('%s is refused', async (_what, options, reason, before) => {
    const { address } = await pair.listen({ tls: tlsOf('owner') });
    before();
    const port = Number(address.split(':')[1]);
    const socket = connect({
      port,
      host: '127.0.0.1',
      ca: ours.caPem(),
      rejectUnauthorized: false,
      ...options,
    });
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('close', resolve));
    await until(() => refused().length);
    expect(refused()).toEqual([reason]);
  });
});

describe('a node that is dialled, with a certificate', () => {
  test.each([
    ['of another name', () => tlsOf('somebody'), 'its certificate does not name "owner"'],
    ['that has expired', () => tlsOf('owner', { until: 2021 }), 'its certificate has expired'],
    [
      'of another authority',
      () => tlsOf('owner', {}, theirs),
      /^its certificate is not of an authority that we trust/,
    ],
  ])('%s is not believed, in one line of the log', async (_what, tls, reason) => {
    const peer = await pair.listen({ tls: tls() });
    const dialer = pair.dialer({ tls: tlsOf('user') });
    for (let i = 0; i < 3; i++) {
      expect(await failure(pair.open(dialer, peer))).toBeInstanceOf(TunnelLost);
      pair.clock.advance(pair.limits.relayRetryMs);
    }
    expect([unreached(), pair.tunnel.opened]).toEqual([
      [typeof reason === 'string' ? reason : expect.stringMatching(reason)],
      [],
    ]);
  });
});

describe('TLS files', () => {
  /** Files that may be replaced. */
  function files(from: RelayTls): RelayTls {
    const to = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), ca: join(folder, 'ca.pem') };
    replace(to, from);
    return to;
  }
  function replace(to: RelayTls, from: RelayTls): void {
    for (const name of ['cert', 'key', 'ca'] as const) copyFileSync(from[name], to[name]);
  }

  test('relayTlsMs: that change are read anew, on reload as well; what is connected stays', async () => {
    const tls = files(tlsOf('somebody'));
    const peer = await pair.listen({ tls });
    const dialer = pair.dialer({ tls: tlsOf('user') });
    expect(await failure(pair.open(dialer, peer))).toBeInstanceOf(TunnelLost);
    replace(tls, tlsOf('owner'));
    pair.clock.advance(pair.limits.relayTlsMs);
    const channel = pair.open(dialer, peer);
    (await pair.tunnel.asked()).confirm();
    await once(channel, 'open');
    replace(tls, tlsOf('nobody'));
    pair.listeners[0]?.reloadTls();
    expect(await failure(pair.open(pair.dialer({ tls: tlsOf('other') }), peer))).toBeInstanceOf(TunnelLost);
    expect(channel.destroyed).toBe(false);
  });

  test('certificateMs: that expire soon are told of at the start, each day, and when they are others', async () => {
    const day = 86_400_000;
    const lines = () =>
      pair.lines
        .map(({ msg }) => String(msg))
        .filter((msg) => msg.startsWith('the certificate of this node'));
    const tls = files(tlsOf('owner', { until: 2030 }));
    pair.clock.wallOffset = Date.UTC(2029, 11, 10);
    await pair.listen({ tls });
    expect(lines()).toEqual([
      expect.stringMatching(/^the certificate of this node is good for \d+ days, until/),
    ]);
    pair.clock.advance(day);
    expect(lines()).toHaveLength(2);
    replace(tls, tlsOf('owner', { until: 2021 }));
    pair.clock.advance(pair.limits.relayTlsMs);
    expect(lines()).toHaveLength(3);
    expect(lines().at(-1)).toMatch(/has expired on 20/);
  });

  test('that cannot be used leave those of before', async () => {
    const tls = files(tlsOf('owner'));
    const peer = await pair.listen({ tls });
    writeFileSync(tls.cert, 'nothing');
    expect(() => pair.listeners[0]?.reloadTls()).toThrow();
    pair.clock.advance(pair.limits.relayTlsMs);
    expect(said('the TLS files of the relay cannot be used: those of before remain')).toHaveLength(1);
    pair.open(pair.dialer({ tls: tlsOf('user') }), peer);
    await pair.tunnel.asked();
  });

  test('of the dialling node are read for each connection', async () => {
    const peer = await pair.listen({ tls: tlsOf('owner') });
    const tls = files(tlsOf('user'));
    rmSync(tls.key);
    const dialer = pair.dialer({ tls });
    expect((await failure(pair.open(dialer, peer))).message).toContain('ENOENT');
    replace(tls, tlsOf('user'));
    pair.clock.advance(pair.limits.relayRetryMs);
    pair.open(dialer, peer);
    await pair.tunnel.asked();
  });

  test('without an authority trust nobody', async () => {
    const tls = files(tlsOf('owner'));
    writeFileSync(tls.ca, '');
    await expect(pair.listen({ tls })).rejects.toThrow('holds no certificate in PEM');
  });

  test('are needed beyond this host', async () => {
    const { clock, limits, log } = pair;
    const needs = { tls: null, node: { name: 'a', epoch: 1 }, tunnels: new Map(), clock, limits, log };
    await expect(RelayListener.listen({ address: { host: '127.0.0.1', port: 0 }, ...needs })).rejects.toThrow(
      'Unix socket',
    );
  });
});
