import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Installation } from '../installation.ts';
import { SqliteStore } from '../store/sqlite-store.ts';
import { CookieHostTaken, hiddenBy, takeCookieHost, takenLabel } from './hidden-device.ts';

const domain = 'acme';
const names = (cookieHost: string | null) => ({ domain: 'r.example', cookieHost });

test.each([
  ['view.r.example', 'view'],
  ['pump-80.r.example', 'pump-80'],
  ['a.view.r.example', null],
  ['view.example', null],
  ['r.example.org', null],
  ['192.0.2.1', null],
  ['viewr.example', null],
  [null, null],
])('%s takes the label %s', (cookieHost, label) => {
  expect(takenLabel(names(cookieHost))).toBe(label);
});

test.each([
  ['view', 'view', 'the --cookie-host of the reflector'],
  ['pump', 'pump-80', 'the --cookie-host of the reflector'],
  ['pump-80', 'pump-80', 'the --cookie-host of the reflector'],
  ['pump', 'pump-800000', null],
  ['pump', 'pump-8080', 'the --cookie-host of the reflector'],
  ['pump', 'pump-80-a', null],
  ['a-pump', 'a-pump-8', 'the --cookie-host of the reflector'],
  ['pump', 'pump-x', null],
  ['pump-80', 'pump', null],
  ['view', null, null],
  ['www', null, 'a name of the reflector itself'],
  ['reflector', 'view', 'a name of the reflector itself'],
  ['reflector-80', null, null],
  ['www2', null, null],
])('the device %s beside the label %s is hidden by: %s', (id, label, by) => {
  expect(hiddenBy(id, label)).toBe(by);
});

describe('beside a device of that name', () => {
  let store: SqliteStore;
  let installation: Installation;
  beforeEach(async () => {
    store = SqliteStore.open(':memory:');
    installation = new Installation(store);
    const secrets = { password: '', digestSha256: null, digestMd5: null };
    await store.devices.add({ id: 'view', domain, secrets }, 0, null);
  });
  afterEach(() => store.close());

  test.each(['view.r.example', 'view-80.r.example'])(
    '%s cannot be the host that all share',
    async (cookieHost) => {
      await expect(takeCookieHost(store, installation, names(cookieHost))).rejects.toThrow(
        new CookieHostTaken(
          `"${cookieHost}": is a host name of the device view; choose another name, or remove the device`,
        ),
      );
      expect(await installation.takenLabel()).toBeNull();
    },
  );

  test('others can, and one that only waits for being claimed is in nobody’s way', async () => {
    await store.devices.addUnclaimed({ id: 'show', domain, password: '' }, { address: '', network: '' }, 0, {
      all: 10,
      ofNetwork: 10,
    });
    await takeCookieHost(store, installation, names('show.r.example'));
    expect(await installation.takenLabel()).toBe('show');
    await takeCookieHost(store, installation, names(null));
    expect(await installation.takenLabel()).toBeNull();
  });
});
