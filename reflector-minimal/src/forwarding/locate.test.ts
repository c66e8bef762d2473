import { expect, test } from 'vitest';
import type { OnlineDevice } from '../ports/presence.ts';
import { refusals } from '../refusals/catalogue.ts';
import type { Authorized } from './authorize.ts';
import { locate } from './locate.ts';

function authorized(port: number | null): Authorized {
  const named = { id: 'dev1', uid: 'uid1', domain: 'acme', handedOver: false, port };
  return { label: 'dev1', named } as Authorized;
}

const online = (properties: Record<string, string>) =>
  ({ id: 'dev1', properties }) as unknown as OnlineDevice;

test('the tunnel is that of the device that was named, by its record', () => {
  const asked: unknown[] = [];
  const device = online({ targetPorts: '22, 8080', httpPort: '8080' });
  const presence = {
    locate: (key: unknown) => {
      asked.push(key);
      return device;
    },
  };
  const from = authorized(null);
  expect(locate({ presence }, from)).toEqual({ ...from, device, port: 8080 });
  expect(asked).toEqual([from.named]);
});

test('a port in the name must be forwarded; without one it is that of the web interface, if there is any', () => {
  const of = (properties: Record<string, string>, port: number | null) =>
    locate({ presence: { locate: () => online(properties) } }, authorized(port));
  expect(of({ targetPorts: '22, 8080' }, 22)).toMatchObject({ port: 22 });
  expect(of({ targetPorts: '22, 8080' }, 80)).toEqual(refusals.notForwarded(80));
  expect(of({ targetPorts: '22', httpPort: '8080' }, 8080)).toEqual(refusals.notForwarded(8080));
  expect(of({}, null)).toMatchObject({ port: null });
});

test('a device without a tunnel is off line', () => {
  expect(locate({ presence: { locate: () => null } }, authorized(80))).toEqual(refusals.offline('dev1'));
});
