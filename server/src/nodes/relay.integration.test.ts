import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { pino } from 'pino';
import type { DeviceChannel, LocalTunnel } from 'rm-reflector/ports';
import { afterAll, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { Authority } from '../../../test/certificates/authority.ts';
import { reservedPort } from '../../../test/system/loopback-port.ts';
import { relayOf } from './relay.ts';

const authority = new Authority();
afterAll(() => authority.remove());

const target = { id: 'pump', uid: '1', generation: 3 };

/** A device that sends back what it gets. */
const tunnel: LocalTunnel = {
  ...target,
  node: null,
  address: '192.0.2.7',
  properties: {},
  evict: () => {},
  open: (port) => {
    const echo = Object.assign(new PassThrough(), { port, opened: true, unread: 0, queued: 0, untaken: 0 });
    queueMicrotask(() => echo.emit('open'));
    return echo as DeviceChannel;
  },
};

test('the relays of two nodes carry bytes, and that of the user tells of them', async () => {
  const port = await reservedPort();
  const carried = { owner: 0, user: 0 };
  const relay = (name: 'owner' | 'user', epoch: number) => {
    const { certFile, keyFile } = authority.issue({ names: `DNS:${name}` });
    return relayOf(
      { name, epoch },
      {
        listen: { host: '127.0.0.1', port },
        tls: { cert: certFile, key: keyFile, ca: authority.file },
        clock: new ManualClock(),
        log: pino({ level: 'silent' }),
        carried: (bytes) => {
          carried[name] += bytes;
        },
      },
    );
  };
  const owner = relay('owner', 7);
  const user = relay('user', 8);
  const listener = await owner.listen(new Map([[target.id, tunnel]]));
  const peer = { name: 'owner', epoch: 7, address: `127.0.0.1:${port}` };
  const channel = user.dialer.open(peer, target, 80, { relocate: async () => null });
  channel.write('question');
  expect(String((await once(channel, 'data'))[0])).toBe('question');
  // At the owner, the tunnel of the device tells.
  expect(carried).toEqual({ owner: 0, user: 16 });
  user.dialer.close();
  owner.dialer.close();
  await listener.close();
});
