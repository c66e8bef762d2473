import { describe, expect, it } from 'vitest';
import { run } from './guest.ts';

describe('names', () => {
  it('are resolved off the loop, to all their addresses', async () => {
    const guest = run((native, report) => {
      native.network.resolve('localhost', (addresses, error) => report('localhost', addresses, error));
      report('called');
    });
    await guest.expect('called');
    const [addresses, error] = await guest.expect('localhost');
    expect(error).toBeNull();
    expect(addresses).toContainEqual({ address: '127.0.0.1', family: 4 });
  });

  it('that are literals give themselves', async () => {
    const guest = run((native, report) => {
      for (const name of ['192.0.2.7', '2001:db8::1']) {
        native.network.resolve(name, (addresses, error) => report('found', addresses, error));
      }
      report('called');
    });
    expect(await guest.finish()).toEqual([
      ['called'],
      ['found', [{ address: '192.0.2.7', family: 4 }], null],
      ['found', [{ address: '2001:db8::1', family: 6 }], null],
    ]);
  });

  it.each(['device.invalid', '', 'x'.repeat(300)])('fail when nobody knows "%s"', async (name) => {
    const guest = run((native, report, wanted) => {
      native.network.resolve(wanted, (addresses, error) => report('failed', addresses.length, error?.code));
    }, name);
    const [[event, count, code] = []] = await guest.finish();
    expect([event, count]).toEqual(['failed', 0]);
    expect(['name-not-found', 'name-failure']).toContain(code);
  });

  it('are not looked up any more once cancelled', async () => {
    const guest = run((native, report) => {
      for (const name of ['localhost', 'device.invalid', '127.0.0.1']) {
        native.network.resolve(name, () => report('answer')).cancel();
      }
    });
    expect(await guest.finish()).toEqual([]);
  });
});
