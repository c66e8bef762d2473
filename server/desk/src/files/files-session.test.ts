import { expect, test } from 'vitest';
import type { Bridge } from '../bridge/bridge.ts';
import { FilesSession } from './files-session.ts';
import { Transfers } from './transfers.ts';

test('files that are dropped before a folder is open are not forgotten in silence', () => {
  const transfers = new Transfers(String, () => '');
  const session = new FilesSession({} as Bridge, transfers);
  session.upload([]);
  expect(session.said.value).toBe('');
  session.upload([new File(['one'], 'firmware.img')]);
  // Without texts, it is their key.
  expect([session.said.value, transfers.all.value]).toEqual([expect.stringContaining('tooEarly'), []]);
});
