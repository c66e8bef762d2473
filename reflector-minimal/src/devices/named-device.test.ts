import { expect, test } from 'vitest';
import { namedDevice } from './named-device.ts';

const known = ['pump', 'pump-80', 'a-b'];
const identity = (id: string) => ({ id, uid: `uid of ${id}`, domain: 'acme', handedOver: false });

/** Knows some devices, and notes which it was asked for. */
function cache() {
  const asked: string[] = [];
  return {
    asked,
    device: async (id: string) => {
      asked.push(id);
      return known.includes(id) ? identity(id) : null;
    },
  };
}

test.each([
  ['pump', 'pump', null],
  ['PUMP', 'pump', null],
  ['pump-443', 'pump', 443],
  ['Pump-00443', 'pump', 443],
  // The device that has the whole label comes first.
  ['pump-80', 'pump-80', null],
  ['pump-80-8080', 'pump-80', 8080],
  ['a-b', 'a-b', null],
  ['a-b-1', 'a-b', 1],
])('%s names the device %s, port %s', async (label, id, port) => {
  expect(await namedDevice(cache(), label)).toEqual({ ...identity(id), port });
});

test.each(['pumps', 'pump-443000', 'pump-443x', 'pump-', '-443', 'pump-x', 'pump-443-'])(
  '%s names none',
  async (label) => {
    expect(await namedDevice(cache(), label)).toBeNull();
  },
);

test('only what can be an id is looked up', async () => {
  const asking = cache();
  expect(await namedDevice(asking, 'a.b-80')).toBeNull();
  expect(await namedDevice(asking, '')).toBeNull();
  expect(asking.asked).toEqual([]);
});
