import { describe, expect, it } from 'vitest';
import type { HostError, Socket } from '../host/host.ts';
import { SESSION } from '../host/simulated/dialling.ts';
import { noHandles, SimulatedHost } from '../host/simulated/host.ts';
import { LocalService } from '../host/simulated/local-service.ts';
import { refused, unreachable } from '../host/simulated/network.ts';
import { defaultLimits } from '../limits.ts';
import { dialTcp } from './service.ts';

/** One connection to port 80 of `camera`, and what became of it. */
class LocalDial {
  readonly host = new SimulatedHost();
  socket: Socket | null = null;
  closed: HostError | null | undefined;
  received = 0;

  start(tls = false, target = 'camera') {
    return dialTcp(
      this.host,
      target,
      80,
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

describe('a TCP service', () => {
  it('is reached at whichever of its addresses answers first', () => {
    const dial = new LocalDial();
    dial.host.network.names.set('camera', ['2001:db8::1', '192.0.2.8', '192.0.2.9']);
    dial.host.network.places.set('2001:db8::1:80', { error: unreachable });
    dial.host.network.places.set('192.0.2.8:80', 'silent');
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
    dial.start(false, address);
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
  ])('that %s is told as closed', (_name, name, error) => {
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
    for (const address of addresses) dial.host.network.places.set(`${address}:80`, 'silent');
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
    dial.start(true);
    expect(dial.run().socket).not.toBeNull();
    dial.socket?.destroy();
    expect(dial.host.handles).toEqual(noHandles);
  });

  it('of kind https that fails in TLS is told as closed', () => {
    for (const answer of [{ code: 'tls-protocol', message: 'TLS failed' } as const, 'silent' as const]) {
      const dial = new LocalDial();
      dial.host.network.names.set('camera', ['192.0.2.8']);
      dial.host.network.listen(
        '192.0.2.8',
        80,
        () => idle,
        () => answer,
      );
      const attempt = dial.start(true);
      dial.run();
      expect([dial.socket, dial.closed]).toEqual([null, answer === 'silent' ? undefined : answer]);
      attempt.cancel();
      expect(dial.host.handles).toEqual(noHandles);
    }
  });
});

const idle = {
  connected: () => undefined,
  data: () => undefined,
  taken: () => undefined,
  ended: () => undefined,
  closed: () => undefined,
};
