import { afterEach, expect, test } from 'vitest';
import { Fleet } from '../bench/reflector/fleet.ts';
import { useSessions } from '../bench/reflector/sessions.ts';
import { Site } from '../bench/reflector/site.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

test('200 users with sessions of their own on 50 devices: no error, and no descriptor left behind', async () => {
  const site = await Site.open({ devices: 50, users: 200, tls: false });
  closers.push(() => site.close());
  const fleet = new Fleet(site.facts, 50);
  closers.push(() => fleet.stop());
  await fleet.has(50);
  const before = site.descriptors;
  const { requests, errors } = await useSessions(site, { users: 200, devices: 50, goesOn: (n) => n < 20 });
  expect([requests, errors]).toEqual([4_000, []]);
  await expect.poll(() => site.descriptors, { timeout: 300_000 }).toBe(before);
});
