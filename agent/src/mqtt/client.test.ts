import { expect, it } from 'vitest';
import { AgentHost } from '../../simulation/agent-host.ts';
import type { ByteHandler, ByteStream } from '../broker/broker-connection.ts';
import type { BrokerPort } from '../broker/broker-port.ts';
import type { BrokerSettings } from '../broker/broker-settings.ts';
import { Client } from './client.ts';
import { mqttLimits } from './limits.ts';
import type { Session } from './session.ts';

it('unsentBytes: a broker that does not read is not read, whoever sent what waits', () => {
  const host = new AgentHost(1);
  const events: string[] = [];
  let handler: ByteHandler | null = null;
  const stream: ByteStream = {
    send: (bytes) => bytes.length + 6,
    pause: () => events.push('pause'),
    resume: () => events.push('resume'),
    end: () => undefined,
    destroy: () => undefined,
    deliverTo: (given) => {
      handler = given;
    },
  };
  const port: BrokerPort = {
    prepare: () => ({ cancel: () => undefined }),
    connect: (_settings, { opened }) => host.clock.schedule(0, () => opened(stream, 'mqtt://broker.example')),
    backOff: () => ({ minMs: 1, maxMs: 10 }) as never,
  };
  const session = {
    open: (send: (bytes: Uint8Array) => void) => send(new Uint8Array(94)),
    receive: () => undefined,
    closed: () => undefined,
    unacknowledged: 0,
  };
  const client = new Client(host, port, 60, {
    prepare: (done) => {
      done({
        settings: { user: null, password: null } as unknown as BrokerSettings,
        session: session as unknown as Session,
        will: () => null,
      });
      return { cancel: () => undefined };
    },
    connected: () => undefined,
    disconnected: (reason) => events.push(reason),
  });
  client.start();
  host.clock.until('there is a stream', () => handler !== null);
  const { sent, taken } = handler as unknown as ByteHandler;
  sent(mqttLimits.unsentBytes - 100);
  expect(events).toEqual([]);
  sent(1);
  expect(events).toEqual(['pause']);
  taken(1);
  expect(events).toEqual(['pause', 'resume']);
});
