import { expect, test } from 'vitest';
import { TunnelRegistry } from './registry.ts';

test('the newest tunnel of a device counts, and the end of an older one changes nothing', () => {
  const codes: [string, number][] = [];
  const tunnel = (name: string) => ({ uid: name, replace: (code: number) => codes.push([name, code]) });
  const registry = new TunnelRegistry<ReturnType<typeof tunnel>>();
  const [old, young] = [tunnel('old'), tunnel('young')];
  registry.attach('a', old);
  registry.attach('a', young);
  expect(codes).toEqual([['old', 4001]]);
  expect(registry.detach('a', old)).toBe(false);
  expect(registry.get('a')).toBe(young);
  expect(registry.of({ id: 'a', uid: 'young' })).toBe(young);
  expect(registry.of({ id: 'a', uid: 'old' })).toBeNull();
  expect(registry.detach('a', young)).toBe(true);
  expect([registry.get('a'), registry.size]).toEqual([null, 0]);
});
