import { afterEach, expect, test, vi } from 'vitest';
import { device } from '../testing/device.ts';
import { DeviceList } from './device-list.ts';
import { wholeList } from './device-query.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

test('a device that comes back while the list is read is shown on line', async () => {
  const answers: (() => void)[] = [];
  vi.stubGlobal('fetch', async () => {
    const text = JSON.stringify({ items: [device], next: null });
    await new Promise<void>((resolve) => answers.push(resolve));
    return new Response(text);
  });
  const list = new DeviceList();
  const shown = list.show(wholeList, []);
  const about = { cursor: '1', device: 'pump-7', time: '2026-02-02T00:00:00Z', data: {} };
  expect(list.take([{ ...about, kind: 'device.online' }])).toBe(false);
  list.take([{ ...about, device: 'valve-1', kind: 'device.added' }]);
  answers.shift()?.();
  await shown;
  expect(list.shown.value.find('pump-7')).toMatchObject({ online: true, lastSeen: null });
  expect(list.stale.value).toBe(true);
});
