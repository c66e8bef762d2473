import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { beforeEach, describe, expect, test } from 'vitest';
import { TrustedProxies } from '../http/origin.ts';
import { defaultLimits } from '../limits.ts';
import { UnauthenticatedConnections } from './unauthenticated-connections.ts';

class FakeSocket extends EventEmitter {
  remoteAddress: string | undefined;
  remotePort: number | undefined;
  destroyed = false;

  constructor(address: string, port: number) {
    super();
    this.remoteAddress = address;
    this.remotePort = port;
  }

  destroy(): void {
    this.destroyed = true;
    // As those of `node:net`.
    this.remoteAddress = undefined;
    this.remotePort = undefined;
    this.emit('close');
  }
}

describe('unauthenticated connections', () => {
  let unauthenticated: UnauthenticatedConnections;
  let dropped: string[];
  let port: number;
  beforeEach(() => {
    dropped = [];
    port = 1;
    unauthenticated = new UnauthenticatedConnections(3, new TrustedProxies(['10.0.0.1']));
  });

  const admit = (socket: FakeSocket) => {
    if (unauthenticated.admits(socket as unknown as Socket)) return;
    dropped.push(String(socket.remoteAddress));
    socket.destroy();
  };
  const accept = (address: string): FakeSocket => {
    const socket = new FakeSocket(address, port++);
    admit(socket);
    return socket;
  };
  /** How many of ten get in. */
  const accepted = (address: (n: number) => string) =>
    Array.from({ length: 10 }, (_, n) => accept(address(n))).filter(({ destroyed }) => !destroyed).length;

  test('unauthenticatedPerNetwork: are so many of one network, and of every other', () => {
    expect(accepted((n) => `192.0.2.${n}`)).toBe(3);
    expect(dropped).toHaveLength(7);
    expect(accepted((n) => `::ffff:192.0.3.${n}`)).toBe(3);
    expect(accepted((n) => `2001:db8:1:${n}::1`)).toBe(3);
    expect(accepted((n) => `2001:db8:2:${n}::1`)).toBe(3);
  });

  test('unauthenticatedPerNetwork: beyond half of them, a network is half full', () => {
    const isHalfFull = (socket: FakeSocket) => unauthenticated.isHalfFull(socket as unknown as Socket);
    const [first, second] = [accept('192.0.2.1'), accept('192.0.2.2')];
    expect([isHalfFull(first), isHalfFull(accept('192.0.3.1')), isHalfFull(accept('127.0.0.1'))]).toEqual([
      true,
      false,
      false,
    ]);
    second.destroy();
    expect(isHalfFull(first)).toBe(false);
  });

  test('give their places back when they close', () => {
    const sockets = [1, 2, 3].map((n) => accept(`192.0.2.${n}`));
    expect(accept('192.0.2.4').destroyed).toBe(true);
    sockets[0]?.destroy();
    expect(accept('192.0.2.4').destroyed).toBe(false);
    for (const socket of sockets) socket.destroy();
    expect(unauthenticated.size).toBe(1);
  });

  test('are not counted any more once somebody has logged in, also by the socket that speaks TLS', () => {
    for (let n = 0; n < 10; n++) {
      const socket = accept('192.0.2.1');
      expect(socket.destroyed).toBe(false);
      const { remoteAddress, remotePort } = socket;
      unauthenticated.authenticated({ remoteAddress, remotePort } as unknown as Duplex);
      unauthenticated.authenticated(socket as unknown as Duplex);
    }
    expect(unauthenticated.size).toBe(0);
    expect(accepted(() => '192.0.2.1')).toBe(3);
  });

  test.each(['10.0.0.1', '127.0.0.1', '::1', '::ffff:127.0.0.1'])('%s speaks for others', (address) => {
    expect(accepted(() => address)).toBe(10);
    expect(unauthenticated.size).toBe(0);
  });

  test('two connections with the same peer, as two proxies may name it, count once', () => {
    const pair = [4_711, 4_711].map((same) => {
      const socket = new FakeSocket('192.0.2.1', same);
      admit(socket);
      return socket;
    });
    expect(unauthenticated.size).toBe(1);
    for (const socket of pair) socket.destroy();
    for (let each = 0; each < 3; each++) accept('192.0.2.1');
    expect([unauthenticated.size, dropped]).toEqual([3, []]);
  });
});

test('by default those of one network leave most places to others', () => {
  expect(defaultLimits.unauthenticatedPerNetwork * 5).toBeLessThanOrEqual(defaultLimits.connections);
});
