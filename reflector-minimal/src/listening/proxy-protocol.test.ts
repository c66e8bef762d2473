import { EventEmitter } from 'node:events';
import type { Server } from 'node:http';
import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { ProxyProtocol } from './proxy-protocol.ts';

test('a connection that its peer has reset already is closed: nobody knows whether it was of a proxy', () => {
  const server = new EventEmitter();
  const accepted: unknown[] = [];
  const options = {
    proxies: { has: (address: string) => address === '127.0.0.1' },
    limits: { proxyHeaderBytes: 100, proxyHeaderMs: 1_000 },
    clock: new ManualClock(),
    refused: () => {},
  };
  new ProxyProtocol(options).guard(server as Server);
  server.on('connection', (socket) => accepted.push(socket));
  const reset = Object.assign(new Duplex(), { remoteAddress: undefined });
  server.emit('connection', reset);
  expect([accepted, reset.destroyed]).toEqual([[], true]);
  const another = Object.assign(new Duplex(), { remoteAddress: '192.0.2.1' });
  server.emit('connection', another);
  expect([accepted, another.destroyed]).toEqual([[another], false]);
});
