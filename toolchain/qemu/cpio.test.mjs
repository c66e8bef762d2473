import { expect, test } from 'vitest';
import { cpio } from './cpio.mjs';

const entries = [
  { path: 'init', mode: 0o755, content: Buffer.from('#!/bin/sh\n') },
  { path: 'dev', mode: 0o755, directory: /** @type {const} */ (true) },
  { path: 'bin/sh', mode: 0o777, link: 'busybox' },
];

test('a member has its kind, its mode and its size in the header', () => {
  const archive = cpio(entries).toString('latin1');
  const headers = [...archive.matchAll(/070701[0-9a-f]{104}[^\0]+/g)].map(([header]) => [
    header.slice(14, 22),
    header.slice(54, 62),
    header.slice(110),
  ]);
  expect(headers).toEqual([
    ['000041ed', '00000000', 'bin'],
    ['0000a1ff', '00000007', 'bin/sh'],
    ['000041ed', '00000000', 'dev'],
    ['000081ed', '0000000a', 'init'],
    ['00000000', '00000000', 'TRAILER!!!'],
  ]);
});

test('header with name, and content, end at multiples of four bytes', () => {
  expect(cpio(entries).length % 4).toBe(0);
});
