import { describe, expect, it } from 'vitest';
import { SESSION } from '../../simulation/attempt-stage.ts';
import { noHandles, SimulatedHost } from '../../simulation/host.ts';
import { LocalService } from '../../simulation/local-service.ts';
import { refused, unreachable } from '../../simulation/network.ts';
import { defaultLimits } from '../config/limits.ts';
import type { HostError, Socket } from '../host.ts';
import { dialService, type ServiceAddress, type ServiceTls } from './dial-service.ts';

/** One connection to port 80 of `camera`, and what became of it. */
class LocalDial {
  readonly host = new SimulatedHost();
  socket: Socket | null = null;
  closed: HostError | null | undefined;
  received = 0;

  start(tls: ServiceTls | null = null, place: ServiceAddress = { host: 'camera', port: 80 }) {
    return dialService(
      this.host,
      place,
      tls,
      defaultLimits.addresses,
    )({
      connected: (socket) => {
        this.socket = socket;
      },
      data: (_bytes, start, end) => {
        this.received += end - start;
      },
      taken: () => undefined,
      ended: () => undefined,
      closed: (error) => {
        expect(this.closed).toBeUndefined();
        this.closed = error;
      },
    });
  }

  run(ms = 100): this {
    this.host.clock.advance(ms);
    return this;
  }
}

/** TLS with a certificate that is not looked at. */
const accepting: ServiceTls = {
  pins: [],
  options: () => ({
    serverName: 'camera',
    ca: null,
    certificate: null,
    key: null,
    judgedAt: null,
    minVersion: '1.2',
    verify: false,
  }),
};

describe('a TCP service', () => {
  it('is reached at whichever of its addresses answers first', () => {
    const dial = new LocalDial();
    dial.host.network.names.set('camera', ['2001:db8::1', '192.0.2.8', '192.0.2.9']);
    dial.host.network.endpoints.set('2001:db8::1:80', { error: unreachable });
    dial.host.network.endpoints.set('192.0.2.8:80', 'silent');
    const service = new LocalService(dial.host.network, 80, '192.0.2.9');
    dial.start();
    dial.run(400);
    expect(dial.host.handles).toEqual({ ...noHandles, sockets: 1 });
    service.last.socket.write(new Uint8Array(5));
    dial.run().socket?.destroy();
    expect(dial.received).toBe(5);
    expect(dial.host.handles).toEqual(noHandles);
  });

  it.each(['192.0.2.9', '2001:db8::9'])('at the address %s is reached without a look-up', (address) => {
    const dial = new LocalDial();
    new LocalService(dial.host.network, 80, address);
    dial.start(null, { host: address, port: 80 });
    expect(dial.host.network.dialled).toEqual([`${address}:80`]);
    expect(dial.run().socket).not.toBeNull();
    dial.socket?.destroy();
    expect(dial.host.handles).toEqual(noHandles);
  });

  it.each<[string, readonly string[] | HostError, HostError]>([
    ['refuses', ['192.0.2.8'], refused],
    [
      'has no name',
      { code: 'name-not-found', message: 'no name' },
      { code: 'name-not-found', message: 'no name' },
    ],
    ['has no address', [], { code: 'name-not-found', message: 'camera has no address' }],
  ])('that %s is reported as closed', (_name, name, error) => {
    const dial = new LocalDial();
    dial.host.network.names.set('camera', name);
    dial.start();
    expect(dial.run().closed).toEqual(error);
    expect(dial.host.handles).toEqual(noHandles);
  });

  it('with a hundred silent addresses holds no more sockets than the bound', () => {
    const dial = new LocalDial();
    const addresses = Array.from({ length: 100 }, (_, at) => `192.0.2.${at}`);
    dial.host.network.names.set('camera', addresses);
    for (const address of addresses) dial.host.network.endpoints.set(`${address}:80`, 'silent');
    const attempt = dial.start();
    dial.run(60_000);
    expect(dial.host.network.sockets.size).toBe(defaultLimits.addresses);
    attempt.cancel();
    expect(dial.host.handles).toEqual(noHandles);
  });

  it('of kind https is connected when it is private', () => {
    const dial = new LocalDial();
    dial.host.network.names.set('camera', ['192.0.2.8']);
    dial.host.network.listen(
      '192.0.2.8',
      80,
      () => idle,
      () => SESSION,
    );
    dial.start(accepting);
    expect(dial.run().socket).not.toBeNull();
    dial.socket?.destroy();
    expect(dial.host.handles).toEqual(noHandles);
  });

  it('of kind https that fails in TLS is reported as closed', () => {
    for (const answer of [{ code: 'tls-protocol', message: 'TLS failed' } as const, 'silent' as const]) {
      const dial = new LocalDial();
      dial.host.network.names.set('camera', ['192.0.2.8']);
      dial.host.network.listen(
        '192.0.2.8',
        80,
        () => idle,
        () => answer,
      );
      const attempt = dial.start(accepting);
      dial.run();
      expect([dial.socket, dial.closed]).toEqual([null, answer === 'silent' ? undefined : answer]);
      attempt.cancel();
      expect(dial.host.handles).toEqual(noHandles);
    }
  });
});

describe('the public key of a service', () => {
  const shown = Buffer.from(SESSION.publicKeyDigest).toString('base64');

  function dialled(pins: readonly string[]) {
    const dial = new LocalDial();
    dial.host.network.listen(
      '192.0.2.8',
      80,
      () => idle,
      () => SESSION,
    );
    dial.start({ ...accepting, pins }, { host: '192.0.2.8', port: 80 });
    return dial.run();
  }

  it('is one of those that are pinned', () => {
    const dial = dialled(['AAAA', shown]);
    expect(dial.socket).not.toBeNull();
    dial.socket?.destroy();
  });

  it('ends the connection when it is another', () => {
    const dial = dialled(['AAAA']);
    expect(dial.socket).toBeNull();
    expect(dial.closed).toEqual({
      code: 'tls-untrusted',
      message: `its public key (sha256/${shown}) is none of tls.pins`,
    });
    expect(dial.host.handles).toEqual(noHandles);
  });
});

it('does not begin TLS with files that cannot be used', () => {
  const dial = new LocalDial();
  new LocalService(dial.host.network, 80, '192.0.2.8');
  const error = 'no trusted certificates';
  dial.start({ pins: [], options: () => ({ error }) }, { host: '192.0.2.8', port: 80 });
  expect(dial.run().closed).toEqual({ code: 'tls-files', message: error });
  expect(dial.host.handles).toEqual(noHandles);
});

describe('a service at a local socket', () => {
  const path = '/run/web.sock';

  function listening() {
    const dial = new LocalDial();
    const accepted: Socket[] = [];
    dial.host.network.listenLocal(
      path,
      (socket) => {
        accepted.push(socket);
        return idle;
      },
      (error) => expect.unreachable(error.message),
    );
    return { dial, accepted };
  }

  it('is reached, and carries data', () => {
    const { dial, accepted } = listening();
    dial.start(null, { path });
    dial.run();
    expect(dial.host.network.dialled).toEqual([]);
    accepted[0]?.write(new Uint8Array(5));
    dial.run();
    expect(dial.received).toBe(5);
    dial.socket?.destroy();
    expect(dial.host.handles).toEqual(noHandles);
  });

  it('without a listener is reported as closed', () => {
    const dial = new LocalDial();
    dial.start(null, { path });
    expect(dial.run().closed).toEqual({ code: 'not-found', message: 'no such file' });
    expect(dial.host.handles).toEqual(noHandles);
  });

  it('is left alone when the attempt is cancelled', () => {
    const { dial } = listening();
    dial.start(null, { path }).cancel();
    expect([dial.run().socket, dial.closed]).toEqual([null, undefined]);
    expect(dial.host.handles).toEqual(noHandles);
  });
});

const idle = {
  connected: () => undefined,
  data: () => undefined,
  taken: () => undefined,
  ended: () => undefined,
  closed: () => undefined,
};
