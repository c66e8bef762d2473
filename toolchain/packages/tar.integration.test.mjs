import { execFileSync } from 'node:child_process';
import { lstatSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tarGz } from './tar.mjs';

const longName = `a/${'long'.repeat(20)}/${'name'.repeat(20)}`;

/** @type {import('./file-tree.mjs').FileEntry[]} */
const entries = [
  { path: 'usr/bin/x', mode: 0o755, content: Buffer.from('#!/bin/sh\n') },
  { path: 'etc/x.json', mode: 0o600, content: Buffer.alloc(0) },
  { path: 'var/lib/x', mode: 0o700, directory: true },
  { path: longName, mode: 0o644, content: Buffer.alloc(513, 7) },
  { path: 'usr/bin/y', mode: 0o777, link: '../lib/y' },
];

describe('a tar archive', () => {
  it('is what tar unpacks', () => {
    const folder = mkdtempSync(join(tmpdir(), 'rm-tar-'));
    try {
      const input = tarGz(entries, { time: 1_000_000_000 });
      execFileSync('tar', ['-xzpf', '-', '-C', folder], { input });
      expect(readFileSync(join(folder, 'usr/bin/x'), 'utf8')).toBe('#!/bin/sh\n');
      expect(readFileSync(join(folder, longName))).toEqual(Buffer.alloc(513, 7));
      expect(readlinkSync(join(folder, 'usr/bin/y'))).toBe('../lib/y');
      expect(lstatSync(join(folder, 'usr/bin/x')).mtimeMs).toBe(1_000_000_000_000);
      const modes = ['usr/bin/x', 'etc/x.json', 'var/lib/x', 'usr'].map(
        (path) => lstatSync(join(folder, path)).mode & 0o7777,
      );
      expect(modes).toEqual([0o755, 0o600, 0o700, 0o755]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('belongs to root and is the same whatever the order of its entries', () => {
    const archive = tarGz(entries, { time: 0, prefix: './' });
    expect(tarGz([...entries].reverse(), { time: 0, prefix: './' })).toEqual(archive);
    const listing = execFileSync('tar', ['-tvzf', '-'], { input: archive, encoding: 'utf8' });
    const lines = listing.trim().split('\n');
    expect(lines.every((line) => line.includes(' root/root '))).toBe(true);
    expect(lines[0]).toMatch(/ \.\/$/);
  });
});
