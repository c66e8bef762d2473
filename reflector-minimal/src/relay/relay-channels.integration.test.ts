import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { Opcode } from 'rm-protocol';
import { afterAll, describe } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { Authority } from '../../../test/certificates/authority.ts';
import { defaultLimits } from '../limits.ts';
import { type ChannelHarness, channelConformance } from '../ports/conformance/presence.ts';
import { RelayPresence } from '../testing/relay-presence.ts';
import { device, extensions, Stage } from '../testing/stage.ts';
import { until } from '../testing/until.ts';
import { RelayDialer } from './relay-dialer.ts';
import { RelayListener } from './relay-listener.ts';
import type { RelayTls } from './tls.ts';

const folder = mkdtempSync(join(tmpdir(), 'rm-relay-'));
const authority = new Authority();
afterAll(() => {
  rmSync(folder, { recursive: true });
  authority.remove();
});

// The clock of the test moves all at once, while no PONG can come.
const limits = { openMs: 15_000, channelsPerTunnel: 2, relayQuietMs: 3_600_000 };
const log = pino({ level: 'silent' });

function tlsOf(name: string): RelayTls {
  const { certFile, keyFile } = authority.issue({ names: `DNS:${name}` });
  return { cert: certFile, key: keyFile, ca: authority.file };
}

let sockets = 0;

async function open(withTls: boolean): Promise<ChannelHarness> {
  const clock = new ManualClock();
  const stage = await Stage.open({ limits, clock });
  const agent = await stage.agent({ extensions });
  const owner = stage.reflector.presence;
  const all = { limits: { ...defaultLimits, ...limits }, clock, log };
  const path = join(folder, `${++sockets}.sock`);
  const listener = await RelayListener.listen({
    ...all,
    address: withTls ? { host: '127.0.0.1', port: 0 } : { path },
    tls: withTls ? tlsOf('owner') : null,
    node: { name: 'owner', epoch: 7 },
    tunnels: owner.local,
  });
  const address = withTls ? `127.0.0.1:${listener.port}` : `unix:${path}`;
  const dialer = new RelayDialer({
    ...all,
    tls: withTls ? tlsOf('user') : null,
    node: { name: 'user', epoch: 3 },
  });
  const presence = new RelayPresence(owner, { name: 'owner', epoch: 7, address }, dialer);
  const uid = owner.local.get(device.id)?.uid ?? '';
  let channel = 0;
  return {
    presence,
    limits,
    device: {
      id: device.id,
      uid,
      answer: async (how) => {
        channel = (await agent.expect(Opcode.openRequest)).channel;
        if (how === 'confirm') agent.confirm(channel);
        else agent.fault(channel, 3);
      },
      received: async (bytes) => {
        let text = '';
        while (text.length < bytes) text += (await agent.expect(Opcode.data)).payload.toString();
        return text;
      },
      send: (text) => agent.data(channel, text),
      disconnect: async () => {
        agent.destroy();
        await until(() => owner.local.size === 0);
      },
    },
    advance: (ms) => clock.advance(ms),
    close: async () => {
      dialer.close();
      await listener.close();
      await stage.close();
    },
  };
}

describe('relayed over TLS', () => channelConformance(() => open(true)));
describe('relayed over a Unix socket', () => channelConformance(() => open(false)));
