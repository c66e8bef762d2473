import { expect, test } from 'vitest';
import { madeRoomRecord } from './made-room.ts';

const id = '0000000001000-0123456789abcdef';
const about = { user: 'alice', device: 'pump', uid: 'u1', domain: 'acme', port: 22 };

test.each([
  ['is where it was recorded', { domain: 'acme', since: 1_000 }, 'pump'],
  ['is in another domain', { domain: 'beta', since: 2_000 }, undefined],
  ['has come back to that domain', { domain: 'acme', since: 2_000 }, undefined],
  ['was removed', null, undefined],
])('a recording that makes room, of a device that %s', async (_, place, device) => {
  const places = { devicesPlaced: async () => new Map(place ? [['u1', place]] : []) };
  const record = await madeRoomRecord({ id, about, started: 1_000 }, places);
  expect(record).toMatchObject({ event: 'recording-made-room', detail: `recording ${id} of alice` });
  expect(record.device).toBe(device);
});
